// Package volume is the verbs of rc volume.
package volume
