package parse

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/spec"
)

// HealthCommand reads --health-cmd: a line for the shell, a JSON array of a program and
// its arguments (or of a whole Test, beginning with CMD, CMD-SHELL or NONE), or none.
func HealthCommand(value string) ([]string, error) {
	if err := NoNUL(value); err != nil {
		return nil, err
	}
	text := strings.TrimSpace(value)
	switch {
	case text == "":
		return nil, Invalid(value, "want a command, or none")
	case strings.EqualFold(text, spec.HealthNone):
		return []string{spec.HealthNone}, nil
	case !strings.HasPrefix(text, "["):
		return []string{spec.HealthShell, value}, nil
	}
	var words []string
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		if strings.HasPrefix(text, "[ ") || strings.HasPrefix(text, "[[") {
			return []string{spec.HealthShell, value}, nil // test(1) by its other name
		}
		return nil, Invalid(value, `want a command line, a JSON array such as ["curl", "-f", "localhost"], or none: %v`, err)
	}
	if len(words) > 0 && words[0] != spec.HealthNone && words[0] != spec.HealthExec && words[0] != spec.HealthShell {
		words = append([]string{spec.HealthExec}, words...)
	}
	if err := CheckHealthTest(words); err != nil {
		return nil, Invalid(value, "%v", err)
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
	case kind == spec.HealthNone && len(test) == 1:
	case kind == spec.HealthExec && len(test) > 1 && test[1] != "":
	case kind == spec.HealthShell && len(test) == 2 && test[1] != "":
	default:
		words, _ := json.Marshal(test)
		return Invalid(string(words), `want ["CMD", PROGRAM, ARG…], ["CMD-SHELL", LINE] or ["NONE"]`)
	}
	for _, word := range test {
		if err := NoNUL(word); err != nil {
			return err
		}
	}
	return nil
}

// HealthInterval reads --health-interval: a duration, or disable, which is 0.
func HealthInterval(value string) (time.Duration, error) {
	if value == spec.HealthDisable {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Millisecond {
		return 0, Invalid(value, "want a duration such as 30s, or disable")
	}
	return d, nil
}

// HealthStartInterval reads --health-start-interval.
func HealthStartInterval(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Millisecond {
		return 0, Invalid(value, "want a duration such as 5s")
	}
	return d, nil
}

// HealthTimeout reads --health-timeout.
func HealthTimeout(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second { // podman's least
		return 0, Invalid(value, "want a duration of 1s or more, such as 30s")
	}
	return d, nil
}

// HealthPeriod reads --health-start-period: a duration, 0s for none.
func HealthPeriod(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return 0, Invalid(value, "want a duration such as 1m30s, or 0s")
	}
	return d, nil
}

// HealthActions are the words of --health-on-failure.
func HealthActions() []string {
	return []string{spec.OnFailureNone, spec.OnFailureKill, spec.OnFailureRestart, spec.OnFailureStop}
}

// HealthAction reads --health-on-failure.
func HealthAction(value string) (string, error) { return Choice(value, HealthActions()...) }
