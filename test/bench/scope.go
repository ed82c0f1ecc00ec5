package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// managerError says why there is no user manager to ask; nil where there is one.
func managerError() error {
	path, ok := strings.CutPrefix(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path=")
	if !ok {
		path = os.Getenv("XDG_RUNTIME_DIR") + "/bus"
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		return errNoManager
	}
	conn.Close()
	return nil
}

// bareScope measures what any program pays that has systemd move a process of a login session into
// a scope of its own and waits for it: connect, ask, wait for JobRemoved. The
// process is there before and ends after.
func bareScope(ctx context.Context) (time.Duration, error) {
	child := exec.CommandContext(ctx, "cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	defer child.Wait()
	defer stdin.Close()

	start := time.Now()
	if err := startScope(ctx, child.Process.Pid); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

func startScope(ctx context.Context, pid int) error {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("connect to the session bus: %w", err)
	}
	defer conn.Close()
	const manager = "org.freedesktop.systemd1.Manager"
	removed := make(chan *dbus.Signal, 16)
	conn.Signal(removed)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(manager), dbus.WithMatchMember("JobRemoved"))
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	systemd := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	if err := systemd.CallWithContext(ctx, manager+".Subscribe", 0).Err; err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	type property struct {
		Name  string
		Value dbus.Variant
	}
	type auxiliary struct {
		Name       string
		Properties []property
	}
	name := fmt.Sprintf("rc-bench-%d.scope", pid)
	properties := []property{
		{"PIDs", dbus.MakeVariant([]uint32{uint32(pid)})},
		{"Delegate", dbus.MakeVariant(true)},
		{"CollectMode", dbus.MakeVariant("inactive-or-failed")},
	}
	var job dbus.ObjectPath
	err = systemd.CallWithContext(ctx, manager+".StartTransientUnit", 0, name, "fail", properties, []auxiliary{}).Store(&job)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case signal := <-removed:
			if signal == nil || len(signal.Body) < 4 || signal.Body[1] != job {
				continue
			}
			if signal.Body[3] != "done" {
				return fmt.Errorf("start %s: job %v", name, signal.Body[3])
			}
			return nil
		}
	}
}
