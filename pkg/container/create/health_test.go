package create

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// imageHealth is as docker build writes it.
const imageHealth = `{"Test":["CMD-SHELL","curl -f localhost"],"Interval":5000000000,"StartPeriod":9000000000,"Retries":7}`

func TestHealth(t *testing.T) {
	ofImage := func(change func(*spec.Health)) *spec.Health {
		h := &spec.Health{
			Test: []string{"CMD-SHELL", "curl -f localhost"}, Interval: 5 * time.Second, Timeout: 30 * time.Second,
			StartPeriod: 9 * time.Second, StartInterval: 5 * time.Second, Retries: 7, MaxLogCount: 5, MaxLogSize: 500,
		}
		change(h)
		return h
	}
	run := []string{"CMD", "true"}
	for name, test := range map[string]struct {
		image string
		asked Health
		want  *spec.Health
	}{
		"neither":          {},
		"image":            {image: imageHealth, want: ofImage(func(*spec.Health) {})},
		"image none":       {image: `{"Test":["NONE"]}`},
		"image empty":      {image: `{"Interval":5}`},
		"--no-healthcheck": {image: imageHealth, asked: Health{Test: []string{"NONE"}}},
		"flags": {asked: Health{Test: run}, want: &spec.Health{
			Test: run, Interval: 30 * time.Second, Timeout: 30 * time.Second, StartInterval: 5 * time.Second, Retries: 3,
			MaxLogCount: 5, MaxLogSize: 500,
		}},
		"single fields": {
			image: imageHealth,
			asked: Health{
				Interval: new(time.Duration(0)), Timeout: new(time.Second), StartPeriod: new(time.Duration(0)), StartInterval: new(time.Minute),
				Retries: new(1), OnFailure: "kill", MaxLogCount: new(0), MaxLogSize: new(0),
			},
			want: &spec.Health{
				Test: []string{"CMD-SHELL", "curl -f localhost"}, Timeout: time.Second, StartInterval: time.Minute, Retries: 1, OnFailure: "kill",
			},
		},
		"another command":        {image: imageHealth, asked: Health{Test: run}, want: ofImage(func(h *spec.Health) { h.Test = run })},
		"instead of a broken":    {image: `{"Test":["CMD"],"Retries":9}`, asked: Health{Test: run}, want: ofImage(func(h *spec.Health) { h.Test, h.Interval, h.StartPeriod, h.Retries = run, 30*time.Second, 0, 3 })},
		"on failure nothing":     {image: imageHealth, asked: Health{OnFailure: "none"}, want: ofImage(func(*spec.Health) {})},
		"no startup":             {image: imageHealth, asked: Health{Startup: StartupHealth{Test: []string{"NONE"}}}, want: ofImage(func(*spec.Health) {})},
		"on failure, no command": {asked: Health{OnFailure: "none"}},
		"startup": {
			image: imageHealth, asked: Health{Startup: StartupHealth{Test: run, Successes: new(0)}},
			want: ofImage(func(h *spec.Health) {
				h.Startup = &spec.StartupHealth{Test: run, Interval: 30 * time.Second, Timeout: 30 * time.Second, Successes: 1}
			}),
		},
		"startup, all": {
			image: imageHealth,
			asked: Health{Startup: StartupHealth{
				Test: run, Interval: new(time.Second), Timeout: new(2 * time.Second), Retries: new(3), Successes: new(4),
			}},
			want: ofImage(func(h *spec.Health) {
				h.Startup = &spec.StartupHealth{Test: run, Interval: time.Second, Timeout: 2 * time.Second, Retries: 3, Successes: 4}
			}),
		},
	} {
		image := testImage()
		image.Healthcheck = json.RawMessage(test.image)
		c, err := Container(Options{Health: test.asked}, image, testEnvironment(config.Config{}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, c.Health); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestHealthRefuses(t *testing.T) {
	for _, test := range []struct {
		image, want, hint string
		asked             Health
	}{
		{want: "--health-interval: the container has no healthcheck", hint: "--health-cmd COMMAND", asked: Health{Interval: new(time.Second)}},
		{want: "--health-retries: the container has no", asked: Health{Retries: new(1)}, image: `{"Test":["NONE"]}`},
		{want: "--health-on-failure: the container has no", asked: Health{OnFailure: "kill"}},
		{want: "--health-timeout: the container has no", asked: Health{Test: []string{"NONE"}, Timeout: new(time.Second)}, image: imageHealth},
		{want: "--health-startup-cmd: the container has no", asked: Health{Startup: StartupHealth{Test: []string{"CMD", "x"}}}},
		{want: "--health-startup-success: the container has no", asked: Health{Startup: StartupHealth{Successes: new(1)}}},
		{
			want: "--health-startup-retries: the container has no startup healthcheck", hint: "--health-startup-cmd COMMAND",
			asked: Health{Startup: StartupHealth{Retries: new(1)}}, image: imageHealth,
		},
		{image: `{"Test":["CURL"]}`, want: `image "docker.io/library/app:1": healthcheck: "[\"CURL\"]": want`, hint: "--no-healthcheck, or --health-cmd COMMAND"},
		{image: `{"Test":"x"}`, want: `image "docker.io/library/app:1": healthcheck: json`},
		{image: `{"Test":["CMD","x"],"Timeout":-1}`, want: `image "docker.io/library/app:1": healthcheck: {`},
	} {
		image := testImage()
		image.Healthcheck = json.RawMessage(test.image)
		_, err := Container(Options{Health: test.asked}, image, testEnvironment(config.Config{}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || test.hint != "" && errs.Hint(err) != test.hint {
			t.Errorf("error %v, hint %q, want %s", err, errs.Hint(err), test.want)
		}
	}
}
