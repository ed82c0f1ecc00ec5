// Package linux wraps system calls that the standard library and x/sys/unix leave
// raw. It has no policy: it decides nothing, knows no container and prints nothing.
package linux
