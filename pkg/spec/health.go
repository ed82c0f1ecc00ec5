package spec

import (
	"time"
)

// The first words of a healthcheck's Test.
const (
	HealthNone  = "NONE"      // there is none
	HealthExec  = "CMD"       // what follows is a program and its arguments
	HealthShell = "CMD-SHELL" // what follows is one line for /bin/sh
)

// ImageHealth is the Healthcheck of an image's configuration, as docker writes it: with
// durations in nanoseconds, and zero for what is left to the defaults. OCI's configuration
// has no such thing; what else a file of that form has is kept by rc.
type ImageHealth struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

// HealthDisable is the interval of a healthcheck that never runs by itself.
const HealthDisable = "disable"
