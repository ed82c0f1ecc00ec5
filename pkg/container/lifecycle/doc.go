// Package lifecycle is what is done to containers that there are: stop, kill, pause, wait, update, rename,
// remove, and to put away what killed processes left of them. It starts none: that is container's.
package lifecycle
