package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// words are those of a file in testdata, without comments.
func words(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.Fields(line)...)
		}
	}
	return all
}

// TestFlagsOfPeers is about alias docker=rc and alias podman=rc: no flag of theirs is unknown.
func TestFlagsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, verb := range []string{"run", "create"} {
		cmd, _, err := root.Find([]string{verb})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range words(t, "run-flags.txt") {
			if cmd.Flags().Lookup(name) != nil || root.PersistentFlags().Lookup(name) != nil || verb == "create" && onlyRun(name) {
				continue
			}
			t.Errorf("rc %s --%s: unknown; take it, or say why not in cmd/rc/container/run_refused.go", verb, name)
		}
	}
}

// onlyRun are flags about the first start, which docker create and podman create have not.
func onlyRun(name string) bool {
	switch name {
	case "detach", "detach-keys", "sig-proxy", "preserve-fds", "preserve-fd", "rmi":
		return true
	}
	return false
}

// TestRefusedFlags holds that each refused flag says why, and takes what changes nothing.
func TestRefusedFlags(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for args, want := range map[string]string{
		"run --runtime crun alpine":      "Error: --runtime: rc is its own runtime, and starts no other\n",
		"run --oom-kill-disable alpine":  "Error: --oom-kill-disable: cgroup v2 has nothing like it: not supported\nHint: --oom-score-adj\n",
		"create --link db alpine":        "Error: --link: containers find each other by their networks",
		"run --systemd=always alpine":    "Error: --systemd: not supported yet",
		"run --memory-swappiness 5 x":    "Error: --memory-swappiness: cgroup v2 has nothing like it",
		"run --memory-swappiness -1":     "Error: image is missing",
		"run --systemd=false":            "Error: image is missing",
		"run --oom-kill-disable=false":   "Error: image is missing",
		"run --isolation default --pod=": "Error: image is missing",
	} {
		code, _, stderr := rc(t, strings.Fields(args)...)
		if code != 125 || !strings.HasPrefix(strings.Replace(stderr, ": not supported\n", "\n", 1), strings.Replace(want, ": not supported\n", "\n", 1)) {
			t.Errorf("rc %s: code %d, %q, want %q", args, code, stderr, want)
		}
	}
	visit(newRootCommand(&cli.App{}, nil), func(cmd *cobra.Command) {
		visitFlags(cmd, func(flag *pflag.Flag) {
			if cli.IsRefused(flag) && !flag.Hidden {
				t.Errorf("%s --%s: refused, and in its help", cmd.CommandPath(), flag.Name)
			}
		})
	})
}

// TestVerbsOfPeers: a verb of docker's or podman's is there, or it is said why not.
func TestVerbsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, verb := range words(t, "verbs.txt") {
		if cmd, _, err := root.Find([]string{verb}); err == nil && cmd != root {
			continue
		}
		code, _, stderr := rc(t, verb, "x")
		if code != 125 || !strings.HasPrefix(stderr, "Error: rc "+verb+": ") {
			t.Errorf("rc %s: code %d, %q; make it, or say why not in peersVerbs of cmd/rc/cli", verb, code, stderr)
		}
	}
}
