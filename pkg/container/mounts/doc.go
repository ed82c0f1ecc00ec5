// Package mounts turns the mounts of a container's record into what is mounted: the record says
// "volume data" and "image alpine", and what those are is found out at each start. It also
// sees to it that volumes are there, and stay, while a container is made.
package mounts
