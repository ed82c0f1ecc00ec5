package shim

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// TestPlanRoundTrip fills every field, so that one which is forgotten in fields shows.
func TestPlanRoundTrip(t *testing.T) {
	var in, out Plan
	fill(reflect.ValueOf(&in).Elem(), new(int))
	in.Order, in.HealthOrder, in.StartupOrder = nil, nil, nil // they travel by themselves
	data := encode(msgPlan, in.fields)
	if err := decode(data[1:], out.fields); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.String:
		v.SetString(strings.Repeat("x", *n))
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(int64(*n))
		} else {
			v.SetUint(uint64(*n))
		}
	}
}

// TestClient plays the shim.
func TestClient(t *testing.T) {
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(ours)
	n, s := 42, started{PID: 42}
	for _, data := range [][]byte{
		encode(msgStarted, s.fields), exited{Code: n, OOM: true, Unwritten: "stdout: full"}.encode(),
		exited{Code: n}.encode()[:1+8+8], // of a shim before Unwritten
		encodeFailure(errs.WithHint(errs.WithCode(errors.New("exec x: no"), 127), "do")),
		encodeFailure(errors.New(strings.Repeat("x", 2*messageLimit))),
		{'?'},
		{msgExited},
	} {
		if err := linux.Send(theirs, data); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := c.Next(); e.PID != 42 || e.Exited || err != nil {
		t.Errorf("started: %+v, %v", e, err)
	}
	if e, err := c.Next(); e.Code != 42 || !e.Exited || e.Unwritten != "stdout: full" || err != nil {
		t.Errorf("exited: %+v, %v", e, err)
	}
	if e, err := c.Next(); e.Code != 42 || !e.Exited || err != nil {
		t.Errorf("exited, of an older shim: %+v, %v", e, err)
	}
	if _, err := c.Next(); errs.Code(err) != 127 || errs.Hint(err) != "do" || err.Error() != "exec x: no" {
		t.Errorf("failure: %v", err)
	}
	for _, want := range []string{"xxx", "unexpected", "too short"} {
		if _, err := c.Next(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	_ = theirs.Close()
	if _, err := c.Next(); err == nil {
		t.Error("the end is no error")
	}
}

// TestSendAfterTheEnd: the shim's last words are the error, not that nobody listens.
func TestSendAfterTheEnd(t *testing.T) {
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	if err := linux.Send(theirs, encodeFailure(errors.New("last words"))); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	if err := NewClient(ours).SendPlan(&Plan{}); err == nil || err.Error() != "last words" {
		t.Errorf("got %v", err)
	}
}

func TestBirth(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	b := Birth{Flags: 0x4000000, Wait: true, Stdio: [3]*os.File{1: null}}
	args, files := b.Command(null)
	if diff := cmp.Diff([]string{"rc-shim", "serve", "4000000", "44", "0"}, args); diff != "" || len(files) != 7 {
		t.Errorf("%d files, %s", len(files), diff)
	}
	// The number of a hub that is to be made is taken until then.
	if _, files := (&Birth{Bridges: true}).Command(null); files[HubFD-SocketFD] != null {
		t.Error("the hub's descriptor may be somebody else's")
	}
	for _, bad := range [][]string{nil, {"x", "0", "0"}, {"0", "0", "-1"}, {"0", "0", "x"}, {"0", "now", "0"}, {"0", "10000", "0"}} {
		if _, err := readBirth(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzRequest: whatever a caller sends to ctl.sock is understood or refused.
func FuzzRequest(f *testing.F) {
	a, x := attachRequest{Stdin: true}, execRequest{ID: "x", Stdio: [3]bool{true}, Extra: 2}
	f.Add(encode(msgAttach, a.fields)[1:])
	f.Add(encode(msgExec, x.fields)[1:])
	f.Fuzz(func(t *testing.T, data []byte) {
		var a attachRequest
		_ = decode(data, a.fields)
		var x execRequest
		if decode(data, x.fields) != nil {
			return
		}
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		for n := range 6 {
			files := make([]*os.File, n)
			for i := range files {
				files[i] = null
			}
			if b, err := x.birth(files); err == nil && len(b.ExtraFiles) != x.Extra {
				t.Errorf("%d files, %+v: %d extra", n, x, len(b.ExtraFiles))
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	wait := time.Duration(0)
	var got []time.Duration
	for range 12 {
		wait = backoff(wait, time.Second)
		got = append(got, wait)
	}
	if got[0] != 100*time.Millisecond || got[1] != 200*time.Millisecond || got[11] != time.Minute {
		t.Error(got)
	}
	if again := backoff(time.Minute, time.Hour); again != 100*time.Millisecond {
		t.Errorf("after a good life: %s", again)
	}
}

func TestRestarts(t *testing.T) {
	for _, test := range []struct {
		policy         string
		retries        uint
		code, restarts int
		stopped, want  bool
	}{
		{policy: ""},
		{policy: "no", code: 1},
		{policy: "always", want: true},
		{policy: "always", code: 1, restarts: 1000, want: true},
		{policy: "always", stopped: true},
		{policy: "unless-stopped", want: true},
		{policy: "unless-stopped", stopped: true},
		{policy: "on-failure"},
		{policy: "on-failure", code: 1, restarts: 1000, want: true},
		{policy: "on-failure", code: 1, retries: 2, restarts: 1, want: true},
		{policy: "on-failure", code: 1, retries: 2, restarts: 2},
		{policy: "on-failure", code: 137, stopped: true},
	} {
		exit := &spec.Exit{Code: test.code, Stopped: test.stopped}
		if got := restarts(spec.Restart{Policy: test.policy, Retries: test.retries}, exit, test.restarts); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func FuzzPlan(f *testing.F) {
	p := Plan{ID: "x", Overlays: []Overlay{{Dir: "a", Lower: []string{"b"}}}}
	f.Add(encode(msgPlan, p.fields)[1:])
	f.Fuzz(func(_ *testing.T, data []byte) {
		var p Plan
		_ = decode(data, p.fields)
	})
}
