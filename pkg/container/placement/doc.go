// Package placement decides where a container is counted and limited, and has systemd or the kernel make
// the cgroup for it while its shim starts.
package placement
