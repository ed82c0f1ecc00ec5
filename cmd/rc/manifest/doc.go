// Package manifest has the verbs of rc manifest: manifest lists, images for several platforms under one name.
package manifest
