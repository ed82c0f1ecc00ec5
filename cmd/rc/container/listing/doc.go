// Package listing has the verbs of rc that print tables of containers and of their processes:
// ps, port, stats and top.
package listing
