// Package parse reads what users type, for the flags of run and their like, into the vocabulary
// of package spec: parse.Size, parse.Port, parse.Device, ... Mounts have a package of their own
// below. What is wrong is refused with the value and what would be accepted.
//
// It looks at nothing but what it is given, and no program links it that runs beside a container.
package parse
