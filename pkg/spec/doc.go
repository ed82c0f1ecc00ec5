// Package spec is the one vocabulary for a container, from flags to disk to the shim
// to inspect. It embeds the OCI runtime-spec types where they say the same thing.
//
// It is data only: nothing here looks at the machine or changes it. What users type (-v, --mount,
// --memory, --ulimit, ...) is read by spec/parse, which the shim does not link.
package spec
