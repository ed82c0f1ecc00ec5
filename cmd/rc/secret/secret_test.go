package secret

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/secret"
)

// call calls the verb that args begin with.
func call(t *testing.T, a *cli.App, args string) (string, error) {
	t.Helper()
	words := strings.Fields(args)
	v, ok := cli.FindVerb(Verbs(a), words[0])
	if !ok {
		t.Fatal(words[0])
	}
	if _, err := a.Stdout.Seek(0, 0); err != nil || a.Stdout.Truncate(0) != nil { // what earlier calls wrote
		t.Fatal(err)
	}
	cmd := v.Make()
	cmd.SetErr(a.Stderr)
	stdout, _, err := clitest.Call(t, a, cmd, words[1:]...)
	return stdout, err
}

func TestVerbs(t *testing.T) {
	a := clitest.App(t, false)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hidden"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET_OF_TEST", "variable")
	for _, test := range []struct{ args, stdout, failure string }{
		{"ls", `^ID +NAME +DRIVER +CREATED +UPDATED\n$`, ""},
		{"create db " + file, `^[0-9a-f]{25}\n$`, ""},
		{"create db " + file, `^$`, "already exists"},
		{"create --ignore db /nothere", `^[0-9a-f]{25}\n$`, ""},
		{"create --replace --ignore db " + file, `^$`, "--ignore"},
		{"create --env -l a=b env SECRET_OF_TEST", `^[0-9a-f]{25}\n$`, ""},
		{"create --env none SECRET_NOT_THERE", `^$`, "SECRET_NOT_THERE"},
		{"create -d shell x " + file, `^$`, "shell"},
		{"create -d vault x " + file, `^$`, "want file"},
		{"create --driver-opts path=/x x " + file, `^$`, "path=/x"},
		{"create --label = x " + file, `^$`, "--label"},
		{"create a,b " + file, `^$`, "a,b"},
		{"create x /nothere", `^$`, "/nothere"},
		{"create x", `^$`, "missing"},
		{"ls --noheading --format table", `^[0-9a-f]+ +db +file .*ago\n[0-9a-f]+ +env .*\n$`, ""},
		{"ls -q", `^[0-9a-f]{25}\n[0-9a-f]{25}\n$`, ""},
		{"ls -f name=db -f name=env -f id=nothex --format {{.Name}}", `^$`, ""},
		{"ls -f name=env --format json", `"Name": "env"`, ""},
		{"ls -f colour=red", `^$`, "colour"},
		{"ls --format {{.Nonsense}}", `^$`, "Nonsense"},
		{"inspect db env", `(?s)^\[.*"db".*"env".*"Labels": \{\s+"a": "b"`, ""},
		{"inspect --format {{.Spec.Driver.Name}}{{.SecretData}} db", `^file\n$`, ""},
		{"inspect --showsecret --format {{.SecretData}} db", `^hidden\n$`, ""},
		{"inspect --pretty env", `(?m)^Labels: +a=b$`, ""},
		{"inspect --pretty --format json env", `^$`, "--pretty"},
		{"inspect db nothere", `"db"`, "nothere"},
		{"exists db", `^$`, ""},
		{"exists nothere", `^$`, "exit"},
		{"rm nothere db", `^[0-9a-f]{25}\n$`, "nothere"},
		{"rm --ignore nothere", `^$`, ""},
		{"rm --all db", `^$`, "--all"},
		{"rm", `^$`, "--all"},
		{"rm --all", `^[0-9a-f]{25}\n$`, ""},
		{"ls -q", `^$`, ""},
	} {
		stdout, err := call(t, a, test.args)
		if !regexp.MustCompile(test.stdout).MatchString(stdout) {
			t.Errorf("%s: %q, want %s", test.args, stdout, test.stdout)
		}
		if (err != nil) != (test.failure != "") || err != nil && !strings.Contains(err.Error(), test.failure) {
			t.Errorf("%s: %v, want %q", test.args, err, test.failure)
		}
		if exit := errs.Exit(0); test.args == "exists nothere" && (!errors.As(err, &exit) || exit != 1) {
			t.Errorf("%s: %v", test.args, err)
		}
	}
}

func TestCompletion(t *testing.T) {
	a := clitest.App(t, false)
	if _, err := store(a).Create("db", []byte("x"), secret.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	words, directive := cli.CompleteSecrets(a, 0)(nil, nil, "")
	if len(words) != 1 || words[0] != "db" || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("%q, %v", words, directive)
	}
	if words, _ := cli.CompleteSecrets(a, 0)(nil, []string{"db"}, ""); len(words) != 0 {
		t.Errorf("%q", words)
	}
}
