// Package registry fetches manifests and blobs from container registries. It is the only
// importer of go.podman.io/image/v5/docker, through which registries.conf (mirrors,
// blocked and insecure registries, short names), auth.json, docker's config.json, certs.d,
// policy.json and proxies are honoured as everybody expects. It never imports
// image/v5/copy, whose package initialization takes 16 ms.
//
// It knows no store and no platforms: which manifest of a list is wanted is decided above.
//
// Signatures are checked where policy.json asks for them. That needs the build tag
// containers_image_openpgp (the alternative, gpgme, is cgo); without it every policy other
// than insecureAcceptAnything refuses to pull.
package registry
