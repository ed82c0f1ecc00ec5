// Package container has the verbs of rc that are about containers: it turns flags into
// options for package container of pkg, and what that says into output. Those about files are in
// files, those that print tables in listing; runflags has the flags of run and create.
package container
