// Package cdi asks what it takes to give a container a device that has a CDI name
// (vendor.com/class=name), as the Container Device Interface's specification files have it.
//
// The files are YAML with a schema of their own. The library that reads them, and YAML's, cost every
// start of rc a tenth of a millisecond, so they are in a program of their own, rc-cdi (package
// worker), which rc calls for such devices only:
//
//	rc                                      rc-cdi
//	 ├─ standard input: Request, JSON ───────▶│ reads the specification files
//	 │◀──────── standard output: Answer, JSON ┤
package cdi
