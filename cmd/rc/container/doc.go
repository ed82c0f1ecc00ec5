// Package container has the verbs of rc that are about containers: it turns flags into
// options for package container of pkg, and what that says into output.
package container
