// Package system has the verbs of rc that are about rc itself and the machine.
package system
