// Package remote fetches what Dockerfiles and build contexts name by a URL: files by HTTP, commits by git. It runs as
// the user, or as root of the user's namespace.
package remote
