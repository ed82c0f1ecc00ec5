// Package hook runs hooks: programs of the host that the OCI runtime specification ("POSIX-platform
// Hooks") has a runtime call while a container begins and ends. Which hooks a container gets is
// decided elsewhere (CDI devices, hooks.d: package rules); this package is in the shim, and lean.
//
//	createRuntime, prestart   by the shim, when everything is mounted, before pivot_root
//	createContainer           by the first process, in the container's namespaces, next
//	startContainer            by the first process, in the container, with its credentials and its
//	                          seccomp filter, right before the command
//	poststart, poststop       by the shim; their failure is told, and changes nothing
//
// Each reads the container's state as JSON from standard input. The bundle that it names is the
// container's runtime directory: rc writes config.json there, without secrets, where there are
// hooks.
package hook
