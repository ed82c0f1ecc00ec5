package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/container/records"
)

func TestCompleteContainersByState(t *testing.T) {
	a := clitest.App(t, true)
	for name, test := range map[string]struct {
		fit  cli.Fit
		args []string
		word string
		want string
	}{
		"any":       {cli.AnyState, nil, "", "failed made runs"},
		"running":   {cli.Running, nil, "", "runs"},
		"alive":     {cli.Alive, nil, "", "runs"},
		"paused":    {cli.Paused, nil, "", ""},
		"startable": {cli.Startable, nil, "", "failed made"},
		"stopped":   {cli.Stopped, nil, "m", "made"},
		"typed":     {cli.AnyState, []string{"made"}, "", "failed runs"},
		"id":        {cli.AnyState, nil, "a1", "a10000000000"},
		"id's fit":  {cli.Stopped, nil, "a1", ""},
	} {
		words, directive := cli.CompleteContainers(a, 0, test.fit)(&cobra.Command{}, test.args, test.word)
		if got := undescribed(words); got != test.want || directive != cobra.ShellCompDirectiveNoFileComp {
			t.Errorf("%s: %q, %v, want %q", name, got, directive, test.want)
		}
	}
	words, _ := cli.CompleteContainers(a, 0, cli.Running)(&cobra.Command{}, nil, "")
	if want := "runs\tUp 30 minutes, alpine:latest"; words[0] != want {
		t.Errorf("%q, want %q", words[0], want)
	}
}

// TestCompleteContainersChosen holds that nothing is offered where a flag says which are meant.
func TestCompleteContainersChosen(t *testing.T) {
	a := clitest.App(t, false)
	cmd := &cobra.Command{}
	cmd.Flags().Bool("all", false, "")
	complete := cli.CompleteContainers(a, 2, cli.AnyState)
	if words, _ := complete(cmd, nil, ""); len(words) != 3 {
		t.Errorf("%q", words)
	}
	if words, _ := complete(cmd, []string{"a", "b"}, ""); len(words) != 0 {
		t.Errorf("more than there is room for: %q", words)
	}
	if err := cmd.ParseFlags([]string{"--all"}); err != nil {
		t.Fatal(err)
	}
	if words, _ := complete(cmd, nil, ""); len(words) != 0 {
		t.Errorf("with --all: %q", words)
	}
}

func undescribed(words []string) string {
	var out []string
	for _, w := range words {
		w, _, _ = strings.Cut(w, "\t")
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

func TestCompleteFilter(t *testing.T) {
	a := clitest.App(t, false)
	cmd := &cobra.Command{}
	cmd.Flags().String("filter", "", "")
	cli.CompleteFilter(a, cmd, cli.Containers, records.FilterKeys())
	filter, _ := cmd.GetFlagCompletionFunc("filter")
	for word, want := range map[string]string{
		"name=":                 "name=failed name=made name=runs",
		"id=":                   "id=a00000000000 id=a10000000000 id=a20000000000",
		"before=":               "before=failed before=made before=runs",
		"label=":                "label=k label=k=vfailed label=k=vmade label=k=vruns",
		"exited=":               "exited=3",
		"command=":              "command=sh",
		"health=":               "health=healthy health=unhealthy health=starting health=stopped health=none",
		"network=":              "network=podman",
		"volume=":               "",
		"until=":                "",
		"none=":                 "",
		"should-start-on-boot=": "should-start-on-boot=true should-start-on-boot=false",
	} {
		words, _ := filter(cmd, nil, word)
		if diff := cmp.Diff(want, strings.Join(words, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", word, diff)
		}
	}
	if words, _ := filter(cmd, nil, "sta"); len(words) != len(records.FilterKeys()) {
		t.Errorf("keys: %q", words)
	}
}

func TestCompleteFormat(t *testing.T) {
	type inner struct{ Size, Seen int }
	type row struct {
		Name  string
		Inner inner
	}
	cmd := &cobra.Command{}
	cmd.Flags().String("format", "", "")
	cli.CompleteFormat(cmd, row{})
	complete, _ := cmd.GetFlagCompletionFunc("format")
	for word, want := range map[string]string{
		"":                    "json {{.Inner}} {{.Name}}",
		"{{.N":                "json {{.Inner}} {{.Name}}",
		"{{ .N":               "json {{ .Inner }} {{ .Name }}",
		"{{.Inner.":           "json {{.Inner}} {{.Inner.Seen}} {{.Inner.Size}} {{.Name}}",
		"{{.Name}}: {{.Inner": "json {{.Name}}: {{.Inner}} {{.Name}}: {{.Name}}",
	} {
		words, _ := complete(cmd, nil, word)
		if diff := cmp.Diff(want, strings.Join(words, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", word, diff)
		}
	}
}
