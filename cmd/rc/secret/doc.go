// Package secret has the verbs of rc secret.
package secret
