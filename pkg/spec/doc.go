// Package spec is the one vocabulary for a container, from flags to disk to the shim
// to inspect. It embeds the OCI runtime-spec types where they say the same thing, and
// holds the parsers of what users type (-v, --mount, --memory, --ulimit, ...).
//
// It is data only: nothing here looks at the machine or changes it.
package spec
