package main

import (
	"os"
	"slices"
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

// peerFlag is a flag of docker's or podman's.
type peerFlag struct {
	verb        []string // nothing for the global flags
	name, short string
	value       bool // it takes one
}

func (p peerFlag) String() string { return strings.Join(append(p.verb, "--"+p.name), " ") }

// peerList is what docker or podman has of a verb.
type peerList struct {
	verb  []string // nothing for what comes before the verb
	words []string
}

// peerLists are those of a file in testdata; the format is said at the top of flags-podman.txt.
func peerLists(t *testing.T, file string) []peerList {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var lists []peerList
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " "):
			last := &lists[len(lists)-1]
			last.words = append(last.words, strings.Fields(line)...)
		default:
			verb, words, _ := strings.Cut(line, ":")
			lists = append(lists, peerList{strings.Fields(strings.TrimPrefix(verb, "rc")), strings.Fields(words)})
		}
	}
	return lists
}

// peerFlags are those of a list of flags.
func peerFlags(t *testing.T, file string) (verbs [][]string, flags []peerFlag) {
	t.Helper()
	for _, l := range peerLists(t, file) {
		verbs = append(verbs, l.verb)
		for _, word := range l.words {
			word, value := strings.CutSuffix(word, "=")
			name, short, _ := strings.Cut(word, ",")
			flags = append(flags, peerFlag{l.verb, name, short, value})
		}
	}
	return verbs, flags
}

// otherShorts are flags whose short form means something else to rc, and why.
func otherShorts() map[string]string {
	return map[string]string{
		"logs --names":      "-n is docker's --tail",
		"stop --timeout":    "-t is --time's, which means the same",
		"restart --timeout": "-t is --time's, which means the same",
		"--log-level":       "-l is --latest's of many verbs",
	}
}

// TestFlagsOfPeers is about alias docker=rc and alias podman=rc: of every verb that rc has, no flag of theirs is
// unknown. It is there with the same short form, or it is said why not.
func TestFlagsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, file := range []string{"flags-podman.txt", "flags-docker.txt"} {
		verbs, flags := peerFlags(t, file)
		for _, verb := range verbs {
			if _, rest, err := root.Find(verb); err == nil && len(rest) == 0 {
				continue
			}
			checkRefusal(t, verb, "rc "+strings.Join(verb, " "))
		}
		for _, p := range flags {
			cmd, _, err := root.Find(p.verb)
			if err != nil {
				t.Fatal(err)
			}
			flag := lookup(root, cmd, p.name)
			switch {
			case flag == nil:
				checkRefusal(t, append(slices.Clone(p.verb), "--"+p.name+"=x"), "--"+p.name)
			case p.short != "" && flag.Shorthand != p.short && otherShorts()[p.String()] == "":
				t.Errorf("%s: %s has -%s, rc -%s", file, p, p.short, flag.Shorthand)
			case p.value && flag.Value.Type() == "bool", !p.value && flag.NoOptDefVal == "":
				t.Errorf("%s: %s: value %v, and rc's is %s", file, p, p.value, flag.Value.Type())
			}
			if slices.Equal(p.verb, []string{"run"}) && !onlyRun(p.name) {
				if create, _, _ := root.Find([]string{"create"}); create.Flags().Lookup(p.name) == nil && root.PersistentFlags().Lookup(p.name) == nil {
					t.Errorf("%s: create --%s: unknown", file, p.name)
				}
			}
		}
	}
}

func lookup(root, cmd *cobra.Command, name string) *pflag.Flag {
	if flag := cmd.Flags().Lookup(name); flag != nil {
		return flag
	}
	return root.PersistentFlags().Lookup(name)
}

// checkRefusal holds that rc refuses what it was given for a reason.
func checkRefusal(t *testing.T, args []string, what string) {
	t.Helper()
	code, _, stderr := rc(t, args...)
	if code != 125 || !strings.HasPrefix(stderr, "Error: "+what+": ") {
		t.Errorf("rc %s: code %d, %q; make it, or say why not in cmd/rc/cli/peers.go", strings.Join(args, " "), code, stderr)
	}
}

// TestLacks holds that what rc is said to lack is not there.
func TestLacks(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, l := range cli.Lacks() {
		cmd, rest, err := root.Find(strings.Fields(l.Verb))
		there := err == nil && len(rest) == 0
		if l.Flags == "" && there {
			t.Errorf("rc %s: it is there", l.Verb)
		}
		for name := range strings.FieldsSeq(l.Flags) {
			if !there || lookup(root, cmd, name) != nil {
				t.Errorf("rc %s --%s: it is there, or its verb is not", l.Verb, name)
			}
		}
	}
}

// onlyRun are flags about the first start, which docker create and podman create have not.
func onlyRun(name string) bool {
	switch name {
	case "detach", "detach-keys", "sig-proxy", "preserve-fds", "preserve-fd", "rmi", "passwd":
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
		"run --memory-swappiness 5 x":    "Error: --memory-swappiness: cgroup v2 has nothing like it",
		"run --memory-swappiness -1":     "Error: image is missing",
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
		if cmd, _, err := root.Find([]string{verb}); err != nil || cmd == root {
			checkRefusal(t, []string{verb, "x"}, "rc "+verb)
		}
	}
}

// TestGlobalFlagsOfPeers: before the verb it is the flag that is refused, whatever stands behind it.
func TestGlobalFlagsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for args, want := range map[string]string{
		"-H tcp://x ps":                  "-H: there is no daemon",
		"--host=tcp://x ps":              "--host: there is no daemon",
		"-c default ps":                  "-c: there is no daemon",
		"--remote ps":                    "--remote: there is no daemon",
		"--debug --syslog ps":            "--syslog: rc logs to its standard error",
		"--runtime crun run x":           "--runtime: rc is its own runtime",
		"--config /x image ls":           "--config: the directory of docker's client",
		"-l debug ps":                    "-l: it is --latest's of many verbs",
		"image ls --tree":                "--tree: it is a verb",
		"container stop --frob x":        `unknown flag --frob`,
		"container rm --link x":          "--link: there are no links",
		"network rm --link x":            "unknown flag --link",
		"--root /x --syslog ps":          "--syslog: rc logs to its standard error",
		"container checkpoint x":         "rc container checkpoint: CRIU wants root",
		"network create --scope=swarm x": "--scope: rc works on one machine",
	} {
		code, _, stderr := rc(t, strings.Fields(args)...)
		if code != 125 || !strings.HasPrefix(stderr, "Error: "+want) {
			t.Errorf("rc %s: code %d, %q, want %q", args, code, stderr, want)
		}
	}
}
