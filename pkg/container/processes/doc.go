// Package processes looks at the processes of containers that run: rc top, rc stats. It reads
// the container's cgroup and /proc as the user who started it may, asks nobody, and locks
// nothing: a process, or a container, that ends meanwhile is not there, and no error.
//
// A container's processes are those in its cgroup; where it has none of its own, those in its pid
// namespace; where it has the host's, the first process and its descendants.
package processes
