// Package cli is what the verbs of rc share: the settings and streams of a call, the
// words for a command line that is wrong, help, completion, and flags that pflag has not.
// It runs nothing; each verb is in the package of its noun.
package cli
