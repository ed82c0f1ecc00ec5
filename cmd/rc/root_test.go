package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// rc runs a command line as a process would, and gives what it printed.
func rc(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	open := func(name string) *os.File {
		file, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	out, errors := open("out"), open("err")
	code = run(&cli.App{Stdin: os.Stdin, Stdout: out, Stderr: errors}, args)
	read := func(file *os.File) string {
		data, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return code, read(out), read(errors)
}

func TestCommandLine(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", "")
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string // a part; "" for nothing at all
	}{
		{"--version", 0, "rc version ", ""},
		{"-v", 0, "rc version ", ""},
		{"version --format {{.Client.Os}}", 0, "linux\n", ""},
		{"version --format {{.Client.Colour}}", 125, "", `no field ".Client.Colour"`},
		{"version extra", 125, "", "Error: rc version: it takes no argument, and got \"extra\"\nHint: rc version --help\n"},
		{"--help", 0, "Available Commands:\n", ""},
		{"help run", 0, "rc run [options] IMAGE", ""},
		{"run --help", 0, "-h, --hostname string", ""},
		{"container run --help", 0, "rc container run --rm -it alpine sh", ""},
		{"image ls --help", 0, "rc image ls [options] [NAME]", ""},
		{"", 125, "Usage:", "Error: rc: command is missing\nHint: rc --help\n"},
		{"container", 125, "Usage:", "Error: rc container: command is missing\nHint: rc container --help\n"},
		{"rnu", 125, "", "Error: unknown command \"rnu\" for \"rc\"; did you mean \"run\"?\nHint: rc run --help\n"},
		{"frobnicate", 125, "", "Error: unknown command \"frobnicate\" for \"rc\"\nHint: rc --help\n"},
		{"frobnicate --flag x", 125, "", "Error: unknown command \"frobnicate\" for \"rc\"\nHint: rc --help\n"},
		{"--root /x frobnicate", 125, "", "Error: unknown command \"frobnicate\""},
		{"container frobnicate", 125, "", "Error: unknown command \"frobnicate\" for \"rc container\"\nHint: rc container --help\n"},
		{"--frob", 125, "", "Error: unknown flag --frob\nHint: rc --help\n"},
		{"--storage-driver vfs info", 125, "", `Error: --storage-driver "vfs": overlay is the only one`},
		{"--storage-opt size=5 info", 125, "", `Error: --storage-opt "size=5": unknown option`},
		{"--storage-opt mount_program=ext4 info", 125, "", `Error: --storage-opt "mount_program=ext4": want mount_program=`},
		{"--cgroup-manager none info", 125, "", `Error: --cgroup-manager "none": want systemd or cgroupfs`},
		{"--log-level loud info", 125, "", `Error: --log-level "loud": want trace`},
		{"completion", 125, "", "Error: completion: want the name of one shell"},
		{"completion tcsh", 125, "", `Error: completion: shell "tcsh"`},
		{"completion bash", 0, "__start_rc", ""},
		{"completion zsh", 0, "#compdef rc", ""},
		{"completion fish", 0, "complete -c rc", ""},
		{"completion --no-desc fish", 0, "__completeNoDesc", ""},
		{"run --rm -m x --cpus y alpine", 125, "", "Error: --memory \"x\": want"},
		{"run --rm -m x --cpus y alpine", 125, "", "Error: --cpus \"y\": want"},
		{"run", 125, "", "Error: image is missing\nHint: rc run IMAGE"},
	} {
		code, stdout, stderr := rc(t, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) ||
			test.stdout == "" && stdout != "" || test.stderr == "" && stderr != "" {
			t.Errorf("rc %s: code %d, want %d\nout: %s\nwant: %s\nerr: %s\nwant: %s",
				test.args, code, test.code, stdout, test.stdout, stderr, test.stderr)
		}
	}
}

// TestUnknownWords holds that a slip of the finger in a filter, a level, a key is told with the word that was meant.
func TestUnknownWords(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for args, want := range map[string]string{
		"ps --filter nmae=x":                 `Error: --filter "nmae=x": want KEY=VALUE, KEY one of .*; did you mean "name"\?`,
		"stop --filter labl=x":               `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"images --filter danglin=true":       `Error: --filter "danglin=true": want KEY=VALUE, KEY one of .*; did you mean "dangling"\?`,
		"events --filter contaner=x":         `Error: --filter "contaner=x": want KEY=VALUE, KEY one of .*; did you mean "container"\?`,
		"network ls --filter drivr=x":        `Error: --filter "drivr=x": want KEY=VALUE, KEY one of .*; did you mean "driver"\?`,
		"network prune -f --filter labl=x":   `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"volume ls --filter nam=x":           `Error: --filter "nam=x": want KEY=VALUE, KEY one of .*; did you mean "name"\?`,
		"volume prune -f --filter labl=x":    `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"secret ls --filter nam=x":           `Error: --filter "nam=x": want KEY=VALUE, KEY one of .*; did you mean "name"\?`,
		"quadlet list --filter nam=x":        `Error: --filter "nam=x": want KEY=VALUE, KEY one of .*; did you mean "name"\?`,
		"search --filter star=1 x":           `Error: --filter "star=1": want KEY=VALUE, KEY one of .*; did you mean "stars"\?`,
		"builder du --filter typ=x":          `Error: --filter "typ=x": want KEY=VALUE, KEY one of .*; did you mean "type"\?`,
		"builder prune -f --filter typ=x":    `Error: --filter "typ=x": want KEY=VALUE, KEY one of .*; did you mean "type"\?`,
		"system prune -f --filter labl=x":    `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"container prune -f --filter labl=x": `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"image prune -f --filter labl=x":     `Error: --filter "labl=x": want KEY=VALUE, KEY one of .*; did you mean "label"\?`,
		"ps --filter name":                   `Error: --filter "name": want KEY=VALUE`,
		"images --sort creatd":               `Error: --sort "creatd": want .*; did you mean "created"\?`,
		"ps --sort statsu":                   `Error: --sort "statsu": want .*; did you mean "status"\?`,
		"--log-level warm info":              `Error: --log-level "warm": want .*; did you mean "warn"\?`,
		"network create --opt mut=9000 n":    `Error: --opt "mut=9000": want .*; did you mean "mtu"\?`,
	} {
		code, _, stderr := rc(t, strings.Fields(args)...)
		if code != 125 || !regexp.MustCompile("^"+want).MatchString(stderr) {
			t.Errorf("rc %s: code %d, %q, want %q", args, code, stderr, want)
		}
	}
}

// TestLog holds that --debug and --log-level show how rc goes about it, and that nothing is
// shown without them.
func TestLog(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for flags, want := range map[string]string{
		"":                     `^$`,
		"--log-level info":     `^$`,
		"--log-level debug":    `^time=\S+ level=DEBUG msg="settings read" .*root=`,
		"--debug":              `(?s)^at=\S+ took=\S+ level=DEBUG msg="settings read" .*root=.*\nat=\S+ took=\S+ level=DEBUG msg=finished code=0 total=\S+\n$`,
		"--debug=false":        `^$`,
		"--log-level=PANIC":    `^$`,
		"--log-level= --debug": `^at=`,
	} {
		args := append(strings.Fields(flags), "--root", dir+"/data", "--runroot", dir+"/run", "ps", "-q")
		code, stdout, stderr := rc(t, args...)
		if code != 0 || stdout != "" || !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%s: code %d, %q, %q; want %q", flags, code, stdout, stderr, want)
		}
	}
}

// TestVerbsAreDocumented holds that every verb says what it does, at length and by
// example, and that the words of its help fit.
func TestVerbsAreDocumented(t *testing.T) {
	visit(newRootCommand(&cli.App{}, nil), func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s: short %q, long %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Long, cmd.Example)
		}
		for line := range strings.Lines(cmd.Example) {
			if strings.HasPrefix(line, "rc ") && !strings.HasPrefix(line, cmd.CommandPath()) && cmd.HasParent() {
				t.Errorf("%s: example %q is of another command", cmd.CommandPath(), line)
			}
		}
	})
}

func visit(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		visit(sub, f)
	}
}

// BenchmarkCommandTree is what a call of rc run pays before it knows what to do.
func BenchmarkCommandTree(b *testing.B) {
	for b.Loop() {
		newRootCommand(&cli.App{}, []string{"run", "alpine"})
	}
}
