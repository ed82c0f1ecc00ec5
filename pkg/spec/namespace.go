package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// HasNamespace tells whether a container has a namespace of a kind to itself.
func HasNamespace(oci *specs.Spec, kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(oci.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
}
