package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/state"
)

// sleeper is a container's command that ends at once when it is told to.
var sleeper = []string{"alpine", "sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"}

// rcArgs is a command line of rc.
func (g *ground) rcArgs(args ...string) []string {
	return append([]string{filepath.Join(g.bin, "rc")}, args...)
}

// podmanArgs is a command line of podman, with the cgroup manager that works here.
func podmanArgs(args ...string) []string {
	manager := "systemd"
	if managerError() != nil {
		manager = "cgroupfs"
	}
	return append([]string{"podman", "--runtime", "crun", "--cgroup-manager", manager}, args...)
}

// podmanNew is podmanArgs for run and create: no network, and no limit for which a host may not
// delegate the controller.
func podmanNew(verb string, args ...string) []string {
	limits := "--pids-limit=0"
	if managerError() != nil {
		limits = "--cgroups=disabled"
	}
	return podmanArgs(append([]string{verb, "--network", "none", limits}, args...)...)
}

// rcNew is the same of rc.
func (g *ground) rcNew(args ...string) []string {
	return g.rcArgs(append([]string{"run", "--network", "none"}, args...)...)
}

// output runs a command of the preparations and returns what it prints, trimmed.
func (g *ground) output(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = g.env
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, firstLine(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// data is rc's directory for containers.
func (g *ground) data() state.Root {
	return state.Root{Data: filepath.Join(g.work, "home", ".local", "share", "rc")}
}

// clear removes all containers. It comes after the benchmark's time, and after its interruption.
func (g *ground) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	if g.rcErr == nil {
		_, _ = g.output(ctx, g.rcArgs("rm", "-fa", "-t", "0"))
	}
	if g.podmanErr == nil {
		_, _ = g.output(ctx, podmanArgs("rm", "-fa", "-t", "0"))
	}
}

// stoppedRC makes rc have n containers that ran `true` and ended. One is run; the others are
// copies of its directory with ids and names of their own, which is quicker than running them.
func (g *ground) stoppedRC(ctx context.Context, n int) error {
	if _, err := g.output(ctx, g.rcArgs("rm", "-fa")); err != nil {
		return err
	}
	if _, err := g.output(ctx, g.rcNew("--name", "stopped-0", "alpine", "true")); err != nil {
		return err
	}
	root := g.data()
	ids, err := root.IDs("")
	if err != nil || len(ids) != 1 {
		return fmt.Errorf("%d containers in place of one: %w", len(ids), err)
	}
	for i := 1; i < n; i++ {
		id, err := state.GenerateID()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("stopped-%d", i)
		if err := copyRecord(root, ids[0], id, "stopped-0", name); err != nil {
			return fmt.Errorf("copy the record of stopped-0: %w", err)
		}
	}
	if ids, err = root.IDs(""); err != nil || len(ids) != n {
		return fmt.Errorf("%d containers in place of %d: %w", len(ids), n, err)
	}
	return nil
}

// copyRecord copies a container's directory; its id and name are replaced wherever they stand.
func copyRecord(root state.Root, id, newID, name, newName string) error {
	words := strings.NewReplacer(id, newID, name, newName)
	from, to := root.Dir(id), root.Dir(newID)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil // overlayfs's work/work, which is nobody's to read: a new one is empty, too
		}
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		if entry.IsDir() {
			return os.Mkdir(target, 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, []byte(words.Replace(string(data))), 0o600)
	})
	if err != nil {
		return err
	}
	return os.Symlink(filepath.Join("..", "containers", newID), root.NamePath(newName))
}

// stoppedPodman makes podman have up to n containers that do not run, and says how many it has
// when the time for that is over. They are created only: to run each would take minutes. That is in podman's
// favour, which has nothing of theirs to clean up.
func (g *ground) stoppedPodman(ctx context.Context, n int) (int, error) {
	have, err := g.output(ctx, podmanArgs("ps", "-aq"))
	if err != nil {
		return 0, err
	}
	made := len(strings.Fields(have))
	for end := time.Now().Add(tableLimit / 2); made < n && time.Now().Before(end); made++ {
		if _, err := g.output(ctx, podmanNew("create", "alpine", "true")); err != nil {
			return made, err
		}
	}
	return made, nil
}
