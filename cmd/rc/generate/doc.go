// Package generate has the verbs of rc generate: units of containers, for people who keep their own.
package generate
