// Package inspect is a container as `rc inspect` shows it: podman 5's names and layout, of
// which docker's are a subset, made of the records alone. Fields of theirs that rc has
// nothing for are there with their zero values, since programs read them; Scope and
// MountProgram of State are rc's own.
package inspect
