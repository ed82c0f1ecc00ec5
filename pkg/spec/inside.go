package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Inside is as much of a Container as a process that joins it has to know. It is a type of its own, read
// field by field (Read), since encoding/json, to read a Container, first has to look at every type in the
// runtime description, other systems' too: that takes longer than to join.
type Inside struct {
	ID         string
	Name       string
	Process    *specs.Process
	Namespaces []specs.LinuxNamespace
	// Personality is nil for the caller's.
	Personality *specs.LinuxPersonality
	GroupAdd    []string
	Seccomp     string
	Secrets     []Secret
}

// Inside is of a container at hand.
func (c *Container) Inside() *Inside {
	return &Inside{
		ID: c.ID, Name: c.Name, Process: c.OCI.Process, Namespaces: c.OCI.Linux.Namespaces, GroupAdd: c.GroupAdd, Seccomp: c.Seccomp,
		Personality: c.OCI.Linux.Personality, Secrets: c.Secrets,
	}
}

// OwnPIDs says whether the container has a pid namespace to itself.
func (i *Inside) OwnPIDs() bool {
	return slices.ContainsFunc(i.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.PIDNamespace })
}
