// Package lists keeps manifest lists that are being made: images for several platforms under one name. A list is
// a file of rc's own, DATA/manifests/<name with / and : escaped>.json, replaced in one step. It refers to images
// in rc's store by their ids and to those in registries by repository and digest, and copies neither: what it
// names is looked for when it is pushed. The storage library has no place for lists, and rc images does not show them.
package lists
