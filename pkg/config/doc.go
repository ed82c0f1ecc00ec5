// Package config turns global flags, environment and configuration files into the
// one Config that a call of rc works with. It reads; it never creates or changes a file.
package config
