// Package image has the verbs of rc that are about images: it turns flags into options for
// package image of pkg, and what that says into output.
package image
