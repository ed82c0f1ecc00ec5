// Package manifest knows the manifests of images, OCI's and docker's: which is which, which of a list is for this machine,
// and what layers are called in each.
package manifest
