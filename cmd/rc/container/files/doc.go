// Package files has the verbs of rc that are about the files of containers: cp, diff, mount,
// export and commit. What they do is pkg/container/files'.
package files
