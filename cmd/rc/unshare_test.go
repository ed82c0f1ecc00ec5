package main

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/userns"
)

func TestUnshareArguments(t *testing.T) {
	for args, want := range map[string][]string{
		"":                      {},
		"ls -la --rootless-net": {"ls", "-la", "--rootless-net"},
		"-- ls -- x":            {"ls", "--", "x"},
	} {
		a := withRecords(t, false)
		var got []string
		cmd := newUnshareCommand(a, func(_ context.Context, _ *app, o *unshareOptions) error { got = o.Command; return nil })
		if _, _, err := call(t, a, cmd, strings.Fields(args)...); err != nil {
			t.Errorf("unshare %s: %v", args, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unshare %s: %s", args, diff)
		}
	}
	a := withRecords(t, false)
	cmd := newUnshareCommand(a, func(context.Context, *app, *unshareOptions) error { t.Error("taken"); return nil })
	if _, _, err := call(t, a, cmd, "--rootless-netns", "true"); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("--rootless-netns: %v", err)
	}
}

func TestCommandError(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{&exec.Error{Name: "x", Err: exec.ErrNotFound}, 127},
		{&exec.Error{Name: "/x", Err: fs.ErrNotExist}, 127},
		{&exec.Error{Name: "/x", Err: fs.ErrPermission}, 126},
		{errors.New("exec format error"), 126},
	} {
		err := commandError("unshare x", c.err)
		if errs.Code(err) != c.code || strings.Count(err.Error(), "x\"") > 0 {
			t.Errorf("%v: code %d, want %d", err, errs.Code(err), c.code)
		}
	}
}

// TestNoticeSingle: told once, also where the data directory is not there yet.
func TestNoticeSingle(t *testing.T) {
	a := withRecords(t, false)
	a.cfg.DataRoot += "/new"
	for range 2 {
		noticeSingle(a, userns.Map{})
	}
	_, told, _ := call(t, a, newTrashCommand(a, func(context.Context, *app, *trashOptions) error { return nil }))
	if strings.Count(told, "\n") != 1 || !strings.Contains(told, "subordinate ids") {
		t.Errorf("told %q", told)
	}
}

func TestTrashIsInternal(t *testing.T) {
	a := withRecords(t, false)
	if _, _, err := call(t, a, newTrashCommand(a, emptyTrash)); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("on the host: %v", err)
	}
	a.inUserns = true
	root := container.Records(a.cfg)
	if err := root.Remove("a0" + strings.Repeat("0", 62)); err != nil || !root.TrashWaits(0) {
		t.Fatalf("nothing in the trash: %v", err)
	}
	if _, _, err := call(t, a, newTrashCommand(a, emptyTrash)); err != nil || root.TrashWaits(0) {
		t.Errorf("something in the trash: %v", err)
	}
}
