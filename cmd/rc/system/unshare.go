package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/userns"
)

type unshareOptions struct{ Command []string }

func newUnshareCommand(a *cli.App, runF cli.RunFunc[unshareOptions]) *cobra.Command {
	opts := &unshareOptions{}
	cmd := &cobra.Command{
		Use:   "unshare [options] [COMMAND [ARG...]]",
		Short: "Run a command in the user namespace that containers live in",
		Long: `Runs a command, or $SHELL, as root of a new user and mount namespace with the ids
that containers have: files of containers can be looked at and changed there as
their root sees them. The exit code is the command's; 125 is an error of rc
itself, 126 a command that cannot be executed, 127 one that is not there.`,
		Example: `rc unshare
rc unshare cat /proc/self/uid_map
rc unshare chown 1000:1000 ./data`,
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Command = args
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the command belongs to it
	return cmd
}

// unshare is called twice: on the host, and by it in the namespace.
func unshare(ctx context.Context, a *cli.App, opts *unshareOptions) error {
	if a.InUserns {
		return execCommand(a, opts.Command)
	}
	sweepMounts(a)
	defer sweepMounts(a)
	if err := a.Reexecute(ctx, append([]string{"unshare", "--"}, opts.Command...)...); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	return nil
}

// sweepMounts takes away what is left of what rc mount mounted in an rc unshare that has ended:
// the programs that served it.
func sweepMounts(a *cli.App) {
	if err := records.Of(a.Config).SweepMounts(); err != nil {
		fmt.Fprintln(a.Stderr, "Warning:", err)
	}
}

// execCommand becomes the command.
func execCommand(a *cli.App, command []string) error {
	if len(command) == 0 {
		shell := os.Getenv("SHELL")
		if shell == "" {
			shell = "/bin/sh"
		}
		command = []string{shell}
	}
	path, err := exec.LookPath(command[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil // a PATH with "." in it is the user's wish
	}
	if err == nil {
		err = userns.Exec(path, command, append(os.Environ(), unshareEnv(a)...))
	}
	return commandError("unshare "+command[0], err)
}

// commandError gives an error of executing a command the exit code that it has everywhere.
func commandError(object string, err error) error {
	code := errs.CodeNotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = errs.CodeNotFound
	}
	if lookup, ok := errors.AsType[*exec.Error](err); ok {
		err = lookup.Err
	}
	return errs.WithCode(fmt.Errorf("%s: %w", object, err), code)
}

// unshareEnv tells tools of the same family (podman, buildah, skopeo) what podman unshare
// tells them: that they need no namespace of their own, and where the images are.
func unshareEnv(a *cli.App) []string {
	env := []string{
		"_CONTAINERS_USERNS_CONFIGURED=done",
		"CONTAINERS_GRAPHROOT=" + a.Config.StorageRoot(), "CONTAINERS_RUNROOT=" + a.Config.StorageRunRoot(),
	}
	for file, name := range map[string]string{"uid_map": "_CONTAINERS_ROOTLESS_UID", "gid_map": "_CONTAINERS_ROOTLESS_GID"} {
		// The first line is 0, the caller's id, 1.
		data, err := os.ReadFile("/proc/self/" + file)
		if f := strings.Fields(string(data)); err == nil && len(f) >= 3 {
			if _, err := strconv.Atoi(f[1]); err == nil {
				env = append(env, name+"="+f[1])
			}
		}
	}
	return env
}
