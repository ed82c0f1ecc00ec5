// Package session is rc while it is connected with a process in a container: exec and attach, what is typed, signals, the
// terminal and the detach keys; and what such a process is told before it is executed.
package session
