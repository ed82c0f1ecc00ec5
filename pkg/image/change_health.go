package image

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// healthcheck reads [--OPTION=VALUE…] CMD COMMAND, or NONE, as a Dockerfile has it.
func (c *Change) healthcheck(rest string) error {
	h := &spec.ImageHealth{}
	seen := map[string]bool{}
	for strings.HasPrefix(rest, "--") {
		var option string
		option, rest, _ = strings.Cut(rest, " ")
		rest = strings.TrimSpace(rest)
		name, value, _ := strings.Cut(option, "=")
		if seen[name] {
			return badChange("%s is there twice", name)
		}
		seen[name] = true
		if err := healthOption(h, name, value); err != nil {
			return err
		}
	}
	kind, command, _ := strings.Cut(rest, " ")
	command = strings.TrimSpace(command)
	switch strings.ToUpper(kind) {
	case spec.HealthNone:
		if command != "" || len(seen) > 0 {
			return badChange("NONE stands alone")
		}
		h.Test = []string{spec.HealthNone}
	case spec.HealthExec:
		if err := c.execOrShell(command); err != nil {
			return err
		}
		h.Test = append([]string{spec.HealthExec}, c.Words...)
		if !c.JSON {
			h.Test = []string{spec.HealthShell, command}
		}
	default:
		return badChange("want [--interval=30s] CMD COMMAND, or NONE")
	}
	if err := parse.CheckHealthTest(h.Test); err != nil {
		return badChange("%v", err)
	}
	c.Health = h
	return nil
}

func healthOption(h *spec.ImageHealth, name, value string) (err error) {
	switch name {
	case "--interval":
		h.Interval, err = parse.HealthStartInterval(value)
	case "--timeout":
		h.Timeout, err = parse.HealthTimeout(value)
	case "--start-period":
		h.StartPeriod, err = parse.HealthPeriod(value)
	case "--start-interval":
		h.StartInterval, err = parse.HealthStartInterval(value)
	case "--retries":
		n, parseErr := strconv.ParseUint(value, 10, 31)
		if parseErr != nil || n == 0 {
			return badChange("--retries=%s: want a number of 1 or more", value)
		}
		h.Retries = int(n)
	default:
		return badChange("%s is not one of --interval, --timeout, --start-period, --start-interval, --retries", name)
	}
	if err != nil {
		return badChange("%s=%v", name, err)
	}
	return nil
}

// healthcheckJSON is what the image's configuration holds.
func (c *Change) healthcheckJSON() json.RawMessage {
	data, _ := json.Marshal(c.Health) // strings and numbers only
	return data
}
