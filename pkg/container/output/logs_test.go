package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// noon is when logs are from.
var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// logged opens a container's log.
func logged(t *testing.T, root state.Root, id string) logs.Writer {
	t.Helper()
	w, err := logs.Open(logs.Config{Path: spec.Log{}.File(root.Dir(id))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// said are seconds after noon, "1" or "2" for the stream, and a text.
func say(w logs.Writer, said ...string) {
	for _, s := range said {
		w.Write(int(s[1]-'0'), []byte(s[2:]), noon.Add(time.Duration(s[0]-'0')*time.Second))
	}
}

// shown is what Logs prints: standard output, and standard error.
func shown(t *testing.T, root state.Root, o LogsOptions, names ...string) [2]string {
	t.Helper()
	var ids []string
	for _, name := range names {
		id, err := root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var out, err bytes.Buffer
	o.Out, o.Err = &out, &err
	if e := Logs(t.Context(), &config.Config{DataRoot: root.Data, RunRoot: root.Run}, ids, o); e != nil {
		t.Fatal(e)
	}
	return [2]string{out.String(), err.String()}
}

func TestLogs(t *testing.T) {
	root := recordstest.Four(t)
	ids := map[string]string{}
	for _, name := range []string{"done", "failed", "made"} {
		id, err := root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = id
	}
	for name, said := range map[string][]string{
		"done":   {"11a\n", "32\xff\n", "51c", "71d\n", "91e"},
		"failed": {"21x\n", "41y\n", "61z\n"},
	} {
		w := logged(t, root, ids[name])
		for _, s := range said {
			say(w, s)
			if strings.HasSuffix(s, "c") {
				w.Flush()
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	done, failed := ids["done"][:12]+" ", ids["failed"][:12]+" "
	for _, test := range []struct {
		name  string
		o     LogsOptions
		names []string
		want  [2]string
	}{
		{"nothing printed", LogsOptions{Tail: logs.All}, []string{"made"}, [2]string{}},
		{"as it was", LogsOptions{Tail: logs.All}, []string{"done"}, [2]string{"a\ncd\ne", "\xff\n"}},
		{"followed to its end", LogsOptions{Tail: logs.All, Follow: true}, []string{"done"}, [2]string{"a\ncd\ne", "\xff\n"}},
		{"tail", LogsOptions{Tail: 2}, []string{"done"}, [2]string{"cd\ne", ""}},
		{"since, until", LogsOptions{Tail: logs.All, Since: noon.Add(4 * time.Second), Until: noon.Add(6 * time.Second)}, []string{"failed"}, [2]string{"y\nz\n", ""}},
		{"timestamps", LogsOptions{Tail: 1, Timestamps: true}, []string{"failed"}, [2]string{"2024-05-06T12:00:06.000000000Z z\n", ""}},
		{"name", LogsOptions{Tail: 1, Prefix: true}, []string{"failed"}, [2]string{"failed z\n", ""}},
		{
			"several",
			LogsOptions{Tail: logs.All},
			[]string{"failed", "done"},
			[2]string{done + "a\n" + failed + "x\n" + failed + "y\n" + done + "c\n" + failed + "z\n" + done + "d\n" + done + "e", done + "\xff\n"},
		},
		{
			"several, followed",
			LogsOptions{Tail: logs.All, Follow: true},
			[]string{"failed", "done"},
			[2]string{done + "a\n" + failed + "x\n" + failed + "y\n" + done + "c\n" + failed + "z\n" + done + "d\n" + done + "e", done + "\xff\n"},
		},
		{
			"names, colors",
			LogsOptions{Tail: 1, Prefix: true, Color: true},
			[]string{"failed", "done"},
			[2]string{"\x1b[31mfailed\x1b[0m z\n\x1b[32mdone\x1b[0m e", ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, shown(t, root, test.o, test.names...)); d != "" {
				t.Error(d)
			}
		})
	}
}

// lineWriter tells what was written to it.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) { w <- string(p); return len(p), nil }

// TestLogsFollow: lines come at once, though the other container prints nothing; it ends with
// the last shim, and what was printed until then is shown.
func TestLogsFollow(t *testing.T) {
	root := recordstest.Four(t)
	p := recordstest.Play(t, root)
	w := logged(t, root, p.ID)
	say(w, "11a\n")
	quiet, err := root.FindID("made")
	if err != nil {
		t.Fatal(err)
	}
	out, result := make(lineWriter, 10), make(chan error, 1)
	go func() {
		o := LogsOptions{Follow: true, Prefix: true, Tail: logs.All, Out: out, Err: out}
		result <- Logs(t.Context(), &config.Config{DataRoot: root.Data, RunRoot: root.Run}, []string{p.ID, quiet}, o)
	}()
	want := func(text string) {
		t.Helper()
		select {
		case got := <-out:
			if got != text {
				t.Fatalf("got %q want %q", got, text)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q does not come", text)
		}
	}
	want("runs a\n")
	say(w, "21b\n")
	want("runs b\n")
	say(w, "31c")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want("runs c")
	_ = p.Shim.Process.Kill()
	select {
	case err := <-result:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("following does not end")
	}
}

// failing takes nothing.
type failing struct{}

var errFull = errors.New("full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestLogsErrors(t *testing.T) {
	root := recordstest.Four(t)
	cfg := &config.Config{DataRoot: root.Data, RunRoot: root.Run}
	id, err := root.FindID("done")
	if err != nil {
		t.Fatal(err)
	}
	w := logged(t, root, id)
	for range 10_000 {
		say(w, "11something\n")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := root.FindID("made")
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range [][]string{{id}, {id, other}} {
		if err := Logs(t.Context(), cfg, ids, LogsOptions{Tail: logs.All, Out: failing{}, Err: failing{}}); !errors.Is(err, errFull) {
			t.Errorf("%d: output that fails: %v", len(ids), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Logs(ctx, cfg, ids, LogsOptions{Tail: logs.All, Out: failing{}, Err: failing{}}); !errors.Is(err, context.Canceled) {
			t.Errorf("%d: cancelled: %v", len(ids), err)
		}
	}
}

// TestLogDrivers: what --log-driver takes is what logs know; those that keep nothing say so.
func TestLogDrivers(t *testing.T) {
	root := recordstest.Four(t)
	for i, driver := range spec.LogDrivers() {
		c := &spec.Container{ID: fmt.Sprintf("%02x%062d", i, 0), Name: driver, Log: spec.Log{Driver: driver}}
		d, err := root.Create(c.ID, c.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.WriteContainer(c), d.Close()); err != nil {
			t.Fatal(err)
		}
		w, err := logs.Open(logs.Config{Driver: driver, Path: filepath.Join(t.TempDir(), "ctr.log")})
		if err == nil {
			err = w.Close()
		}
		if errors.Is(err, errs.ErrInvalid) != (driver == logs.Passthrough) {
			t.Errorf("open %s: %v", driver, err)
		}
		if driver == logs.Journald {
			continue // is where it is
		}
		keeps := driver != logs.None && driver != logs.Passthrough
		err = Logs(t.Context(), &config.Config{DataRoot: root.Data, RunRoot: root.Run}, []string{c.ID}, LogsOptions{Tail: logs.All})
		if keeps != (err == nil) || !keeps && (errs.Code(err) != errs.CodeError || !strings.Contains(err.Error(), driver)) {
			t.Errorf("logs of %s: %v", driver, err)
		}
	}
}
