package system

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/events"
)

func TestEvents(t *testing.T) {
	t.Setenv("TZ", "UTC")
	id, code := strings.Repeat("ab", 32), 3
	at := time.Date(2020, 11, 25, 22, 31, 5, 123456789, time.UTC)
	line := func(text string) string { return at.Local().String() + " " + text + "\n" }
	for _, c := range []struct{ args, want string }{
		{
			"--stream=false", line("container died "+id+" (image=docker.io/library/alpine:latest, name=web, team=red\\x1b)") +
				line("image pull "+id+" docker.io/library/alpine:latest") + line("system prune"),
		},
		{"--until 2020-12-01 --filter type=image --no-trunc=false", line("image pull " + id[:12] + " docker.io/library/alpine:latest")},
		{"--stream=false -f container=abab --format {{.Name}}:{{.ContainerExitCode}}:{{.Attributes.team}}:{{.Time}}", "web:3:red\x1b:1606343465\n"},
		{
			"--stream=false -f event=pull --format json",
			`{"ID":"` + id + `","Name":"docker.io/library/alpine:latest","Status":"pull","time":1606343465,"timeNano":1606343465123456789,"Type":"image","Attributes":null}` + "\n",
		},
		{"--stream=false --since 1606343466", ""},
		{"--until 1606343464", ""},
	} {
		a := clitest.App(t, false)
		for _, e := range []events.Event{
			{Time: at, Type: events.Container, Status: "died", ID: id, Name: "web", Image: "docker.io/library/alpine:latest", ExitCode: &code, Attributes: map[string]string{"team": "red\x1b"}},
			{Time: at, Type: events.Image, Status: "pull", ID: id, Name: "docker.io/library/alpine:latest"},
			{Time: at, Type: events.System, Status: "prune"},
		} {
			if err := events.Append(a.Config.RunRoot, e); err != nil {
				t.Fatal(err)
			}
		}
		out, _, err := clitest.Call(t, a, newEventsCommand(a, printEvents), strings.Fields(c.args)...)
		if diff := cmp.Diff(c.want, out); diff != "" || err != nil {
			t.Errorf("events %s: %v %s", c.args, err, diff)
		}
	}
	for args, word := range map[string]string{
		"--since yesterday":    "--since \"yesterday\"",
		"--until 1e9":          "--until \"1e9\"",
		"--filter colour=red":  "container, event",
		"--filter event=bang":  "died",
		"--format {{.Nobody}}": ".HealthStatus",
		"extra":                "extra",
	} {
		a := clitest.App(t, false)
		if _, _, err := clitest.Call(t, a, newEventsCommand(a, printEvents), strings.Fields(args)...); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("events %s: %v", args, err)
		}
	}
}
