package runflags

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// parseCreate is rc create with args, as far as its options.
func parseCreate(t *testing.T, cfg *config.Config, args ...string) (*Options, error) {
	t.Helper()
	return parseArgs(t, "create", (*Flags).Add, cfg, args)
}

// lifeFlagTests are the flags that say what becomes of a container.
func lifeFlagTests(dir string) []flagTest {
	return []flagTest{
		{"-d", func(o *Options) { o.Detach = true }},
		{"--detach -it --rm", func(o *Options) { o.Detach, o.Stdin, o.TTY, o.Remove = true, true, true, true }},
		{"--detach-keys a,ctrl-[", func(o *Options) { o.DetachKeys = []byte{'a', 27} }},
		{"--detach-keys=", func(o *Options) { o.DetachKeys = nil }},
		{"--restart no", func(o *Options) { o.Restart.Policy = "no" }},
		{"--restart on-failure:3", func(o *Options) { o.Restart = spec.Restart{Policy: "on-failure", Retries: 3} }},
		{"--log-driver json-file --log-opt max-size=1k --log-opt max-file=3 --log-opt path=l --log-opt tag={{.Name}}", func(o *Options) {
			o.Log = spec.Log{Driver: "json-file", MaxSize: 1 << 10, MaxFiles: 3, Path: dir + "/l", Tag: "{{.Name}}"}
		}},

		{"--no-healthcheck", func(o *Options) { o.Health.Test = []string{"NONE"} }},
		{"--health-cmd none --no-healthcheck", func(o *Options) { o.Health.Test = []string{"NONE"} }},
		{"--health-cmd true", func(o *Options) { o.Health.Test = []string{"CMD-SHELL", "true"} }},
		{`--health-cmd ["true"]`, func(o *Options) { o.Health.Test = []string{"CMD", "true"} }},
		{"--health-interval 5s --health-timeout 6s --health-start-period 0s --health-start-interval 7ms --health-retries 8", func(o *Options) {
			o.Health.Interval, o.Health.Timeout, o.Health.StartPeriod = new(5*time.Second), new(6*time.Second), new(time.Duration(0))
			o.Health.StartInterval, o.Health.Retries = new(7*time.Millisecond), new(8)
		}},
		{"--health-interval disable", func(o *Options) { o.Health.Interval = new(time.Duration(0)) }},
		{"--health-on-failure stop", func(o *Options) { o.Health.OnFailure = "stop" }},
		{"--health-max-log-count 0 --health-max-log-size 9 --health-log-destination local", func(o *Options) {
			o.Health.MaxLogCount, o.Health.MaxLogSize = new(0), new(9)
		}},
		{
			"--health-startup-cmd true --health-startup-interval 5s --health-startup-timeout 6s --health-startup-retries 0 --health-startup-success 2",
			func(o *Options) {
				o.Health.Startup = create.StartupHealth{
					Test: []string{"CMD-SHELL", "true"}, Interval: new(5 * time.Second), Timeout: new(6 * time.Second),
					Retries: new(0), Successes: new(2),
				}
			},
		},
	}
}

// TestCreateFlags: create has run's flags, with the same meaning, but for those of a start.
func TestCreateFlags(t *testing.T) {
	dir := runDirectory(t)
	flags := declared((*Flags).Add)
	declared((*Flags).AddRun).VisitAll(func(flag *pflag.Flag) {
		runs := slices.Contains([]string{"detach", "detach-keys", "sig-proxy", "preserve-fds", "preserve-fd", "rmi"}, flag.Name)
		switch own := flags.Lookup(flag.Name); {
		case (own == nil) != runs:
			t.Errorf("--%s: create has it: %v", flag.Name, own != nil)
		case own != nil && (own.Shorthand != flag.Shorthand || own.Usage != flag.Usage):
			t.Errorf("--%s: %+v, run has %+v", flag.Name, own, flag)
		}
	})
	for _, test := range slices.Concat(runFlagTests(dir), lifeFlagTests(dir)) {
		args := append(strings.Fields(test.args), "alpine", "sh")
		want, err := parseRun(t, &config.Config{}, args...)
		if err != nil {
			t.Fatal(err)
		}
		if want.Detach || want.RemoveImage || !want.SigProxy || want.PreserveFDs > 0 || len(want.PreserveFD) > 0 || strings.HasPrefix(test.args, "--detach-keys") {
			continue
		}
		got, err := parseCreate(t, &config.Config{}, args...)
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		slices.Sort(want.Env.Base)
		slices.Sort(got.Env.Base)
		want.DetachKeys = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-run +create):\n%s", test.args, diff)
		}
	}
	if _, err := parseCreate(t, &config.Config{}); err == nil || errs.Hint(err) != "rc create IMAGE [COMMAND [ARG…]]" {
		t.Errorf("without an image: %v, hint %q", err, errs.Hint(err))
	}
}

func TestDetachKeysOfContainersConf(t *testing.T) {
	runDirectory(t)
	for conf, want := range map[string][]byte{"": nil, "x,ctrl-a": {'x', 1}} {
		cfg := &config.Config{Containers: config.Containers{DetachKeys: &conf}}
		if got, err := parseRun(t, cfg, "alpine"); err != nil || !slices.Equal(got.DetachKeys, want) {
			t.Errorf("%q: %v, %v", conf, got, err)
		}
		if got, err := parseRun(t, cfg, "--detach-keys", "b", "alpine"); err != nil || string(got.DetachKeys) != "b" {
			t.Errorf("%q: %v, %v", conf, got, err)
		}
	}
	bad := "ctrl-5"
	_, err := parseRun(t, &config.Config{Containers: config.Containers{DetachKeys: &bad}}, "alpine")
	if err == nil || !strings.HasPrefix(err.Error(), `containers.conf: detach_keys: "ctrl-5": "ctrl-5" is no key`) {
		t.Error(err)
	}
}
