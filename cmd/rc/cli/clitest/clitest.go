// Package clitest is for tests of rc's verbs: records for them to work on, and a call of
// one verb without the process around it.
package clitest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// App is an app with three containers: one made, one that runs (in the person of
// the test), one that failed; and one whose record is broken, if asked for.
func App(t *testing.T, broken bool) *cli.App {
	t.Helper()
	dir := t.TempDir()
	a := &cli.App{Config: &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}}
	for _, f := range []struct {
		name string
		file **os.File
	}{{"out", &a.Stdout}, {"err", &a.Stderr}} {
		file, err := os.Create(filepath.Join(dir, f.name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		*f.file = file
	}
	root := records.Of(a.Config)
	base := time.Now().Add(-time.Hour)
	for i, name := range []string{"made", "runs", "failed"} {
		id := fmt.Sprintf("%02x%062d", 0xa0+i, 0)
		d, err := root.Create(id, name)
		if err != nil {
			t.Fatal(err)
		}
		err = d.WriteContainer(&spec.Container{
			ID: id, Name: name, Created: base.Add(time.Duration(i) * time.Minute), StopSignal: 15,
			Image:  spec.Image{ID: strings.Repeat("f", 64), Name: "docker.io/library/alpine:latest"},
			Labels: map[string]string{"k": "v" + name}, Network: spec.Network{Mode: "none"},
			OCI: specs.Spec{Process: &specs.Process{Args: []string{"sh", "-c", "echo \x1b[31m 0123456789"}}},
		})
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "runs":
			start, err := linux.StartTime(os.Getpid())
			if err != nil {
				t.Fatal(err)
			}
			err = root.WriteState(id, &spec.State{ShimPID: os.Getpid(), ShimStart: start, PID: 4711, Started: base.Add(30 * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
		case "failed":
			if err := root.WriteExit(id, &spec.Exit{Code: 3, Started: base, Finished: base.Add(58 * time.Minute)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if broken {
		dir := root.Dir(strings.Repeat("b", 64))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "container.json"), []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// Call runs one verb and gives what it printed.
func Call(t *testing.T, a *cli.App, cmd *cobra.Command, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetFlagErrorFunc(cli.FlagError)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	read := func(file *os.File) string {
		data, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return read(a.Stdout), read(a.Stderr), err
}

// Options are what a verb makes of a command line, without doing it; nil after an error.
func Options[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, args ...string) (*T, error) {
	t.Helper()
	a := App(t, false)
	if err := a.Load(); err != nil {
		t.Fatal(err)
	}
	var got *T
	_, _, err := Call(t, a, verb(a, func(_ context.Context, _ *cli.App, o *T) error { got = o; return nil }), args...)
	if (got == nil) != (err != nil) {
		t.Errorf("%q: done is %v after %v", args, got != nil, err)
	}
	return got, err
}

// Taken holds that a verb makes such options of command lines; nil is as good as empty.
func Taken[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, lines map[string]T) {
	t.Helper()
	for line, want := range lines {
		got, err := Options(t, verb, strings.Fields(line)...)
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", line, err, diff)
		}
	}
}

// Refused holds that a verb refuses command lines, as bad input or as what rc has not, with such words.
func Refused[T any](t *testing.T, verb func(*cli.App, cli.RunFunc[T]) *cobra.Command, lines map[string]string) {
	t.Helper()
	for line, want := range lines {
		_, err := Options(t, verb, strings.Fields(line)...)
		if !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}
