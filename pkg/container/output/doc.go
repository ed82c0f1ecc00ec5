// Package output shows what containers have printed, from their logs: of several side by side, since when, and
// what comes while they run.
package output
