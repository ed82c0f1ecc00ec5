package container

import (
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/output"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/logs"
)

func TestLogsOptions(t *testing.T) {
	one := selection.Selection{Names: []string{"web"}}
	clitest.Taken(t, newLogsCommand, map[string]logsOptions{
		"web":             {Selection: one, LogsOptions: output.LogsOptions{Tail: logs.All}},
		"web -n all":      {Selection: one, LogsOptions: output.LogsOptions{Tail: logs.All}},
		"--tail -1 web":   {Selection: one, LogsOptions: output.LogsOptions{Tail: logs.All}},
		"-f -t -n 20 web": {Selection: one, LogsOptions: output.LogsOptions{Follow: true, Timestamps: true, Tail: 20}},
		"--tail 0 --since 1700000000 --until 2024-05-06T10:00:00Z web": {Selection: one, LogsOptions: output.LogsOptions{
			Since: time.Unix(1700000000, 0), Until: time.Date(2024, 5, 6, 10, 0, 0, 0, time.UTC),
		}},
		"--names --color --details web db": {
			Selection:   selection.Selection{Names: []string{"web", "db"}},
			LogsOptions: output.LogsOptions{Tail: logs.All, Prefix: true, Color: true, Details: true},
		},
		"-l": {Selection: selection.Selection{Latest: true}, LogsOptions: output.LogsOptions{Tail: logs.All}},
	})
	clitest.Refused(t, newLogsCommand, map[string]string{
		"":                       "name a container",
		"web -l":                 "names together with",
		"web --tail x":           `--tail "x": want a number of lines, or all`,
		"web --tail -2":          "want a number of lines",
		"web --since yesterday":  `--since "yesterday": want a duration`,
		"web --until 2024-13-01": `--until "2024-13-01": want a duration`,
	})
}

func TestLogsOfNobody(t *testing.T) {
	a := clitest.App(t, false)
	_, _, err := clitest.Call(t, a, newLogsCommand(a, showLogs), "nobody")
	if errs.Code(err) != errs.CodeError || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v, code %d", err, errs.Code(err))
	}
}
