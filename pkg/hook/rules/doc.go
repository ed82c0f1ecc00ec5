// Package rules says which hooks of hooks.d a container gets: oci-hooks(5), version 1.0.0. It runs
// none (package hook does), and is not linked into the shim.
package rules
