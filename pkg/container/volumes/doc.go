// Package volumes is the verbs on volumes: what package volume keeps, together with the
// containers that use it.
package volumes
