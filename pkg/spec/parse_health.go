package spec

import (
	"encoding/json"
	"strings"
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

// ParseHealthCommand reads --health-cmd: a line for the shell, a JSON array of a program and
// its arguments (or of a whole Test, beginning with CMD, CMD-SHELL or NONE), or none.
func ParseHealthCommand(value string) ([]string, error) {
	if err := noNUL(value); err != nil {
		return nil, err
	}
	text := strings.TrimSpace(value)
	switch {
	case text == "":
		return nil, invalid(value, "want a command, or none")
	case strings.EqualFold(text, HealthNone):
		return []string{HealthNone}, nil
	case !strings.HasPrefix(text, "["):
		return []string{HealthShell, value}, nil
	}
	var words []string
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		if strings.HasPrefix(text, "[ ") || strings.HasPrefix(text, "[[") {
			return []string{HealthShell, value}, nil // test(1) by its other name
		}
		return nil, invalid(value, `want a command line, a JSON array such as ["curl", "-f", "localhost"], or none: %v`, err)
	}
	if len(words) > 0 && words[0] != HealthNone && words[0] != HealthExec && words[0] != HealthShell {
		words = append([]string{HealthExec}, words...)
	}
	if err := CheckHealthTest(words); err != nil {
		return nil, invalid(value, "%v", err)
	}
	return words, nil
}

// CheckHealthTest refuses a Test that cannot be run.
func CheckHealthTest(test []string) error {
	kind := ""
	if len(test) > 0 {
		kind = test[0]
	}
	switch {
	case kind == HealthNone && len(test) == 1:
	case kind == HealthExec && len(test) > 1 && test[1] != "":
	case kind == HealthShell && len(test) == 2 && test[1] != "":
	default:
		words, _ := json.Marshal(test)
		return invalid(string(words), `want ["CMD", PROGRAM, ARG…], ["CMD-SHELL", LINE] or ["NONE"]`)
	}
	for _, word := range test {
		if err := noNUL(word); err != nil {
			return err
		}
	}
	return nil
}

// ParseHealthInterval reads --health-interval: a duration, or disable, which is 0.
func ParseHealthInterval(value string) (time.Duration, error) {
	if value == HealthDisable {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Millisecond {
		return 0, invalid(value, "want a duration such as 30s, or disable")
	}
	return d, nil
}

// ParseHealthStartInterval reads --health-start-interval.
func ParseHealthStartInterval(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Millisecond {
		return 0, invalid(value, "want a duration such as 5s")
	}
	return d, nil
}

// ParseHealthTimeout reads --health-timeout.
func ParseHealthTimeout(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second { // podman's least
		return 0, invalid(value, "want a duration of 1s or more, such as 30s")
	}
	return d, nil
}

// ParseHealthPeriod reads --health-start-period: a duration, 0s for none.
func ParseHealthPeriod(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return 0, invalid(value, "want a duration such as 1m30s, or 0s")
	}
	return d, nil
}

// HealthActions are the words of --health-on-failure.
func HealthActions() []string {
	return []string{OnFailureNone, OnFailureKill, OnFailureRestart, OnFailureStop}
}

// ParseHealthAction reads --health-on-failure.
func ParseHealthAction(value string) (string, error) { return ParseChoice(value, HealthActions()...) }
