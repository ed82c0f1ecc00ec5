package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type execOptions struct {
	selection.Selection
	session.ExecOptions
}

// execFlags are the flags of exec as typed.
type execFlags struct {
	detach, interactive, tty, privileged bool
	env, envFiles                        []string
	user, workdir, keys                  string
	preserveFDs                          uint
	preserveFD                           []string
}

func newExecCommand(a *cli.App, runF cli.RunFunc[execOptions]) *cobra.Command {
	f := &execFlags{}
	opts := &execOptions{}
	cmd := &cobra.Command{
		Use:   "exec [options] CONTAINER COMMAND [ARG...]",
		Short: "Run a command in a container that runs",
		Long: `Runs a command in a container beside its own, in its namespaces and cgroup and with
its seccomp filter and capabilities. The exit code is the command's; 125 is an
error of rc itself, 126 a command that cannot be executed, 127 one that is not
there. The command ends when the container ends; when rc is killed, or its terminal
closed, it gets SIGHUP.`,
		Example: `rc exec web ps
rc exec -it box sh
rc exec -d -e MODE=fast -w /work box ./job`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if opts.Latest || len(opts.CIDFiles) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			if len(args) > 0 {
				return cli.CompleteCommand(cli.ContainerLayers(a, args[0]), args[1:], word)
			}
			return cli.CompleteContainers(a, 1, cli.Running)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.options(a, cmd, args, opts); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows the container belongs to the command
	flags.BoolVarP(&f.detach, "detach", "d", false, "Leave the command to itself and print the id of its session")
	flags.BoolVarP(&f.interactive, "interactive", "i", false, "Hand standard input on")
	flags.BoolVarP(&f.tty, "tty", "t", false, "Give the command a terminal")
	flags.StringVarP(&f.user, "user", "u", "", "User to run as: NAME|UID[:GROUP|GID]")
	flags.StringVarP(&f.workdir, "workdir", "w", "", "Working directory in the container")
	cli.ListVar(flags, &f.env, "env", "e", "Set a variable: KEY=VALUE, KEY or KEY* for the caller's own")
	cli.ListVar(flags, &f.envFiles, "env-file", "", "Read variables from a file, one a line")
	flags.BoolVar(&f.privileged, "privileged", false, "All capabilities, and no seccomp filter")
	flags.UintVar(&f.preserveFDs, "preserve-fds", 0, "Pass on so many file descriptors from 3 on")
	cli.WordsVar(flags, &f.preserveFD, "preserve-fd", "", "Pass on file descriptors by their numbers: 3,7")
	opts.Add(a, cmd, selection.WithLatest|selection.WithCIDFile, "Use", "")
	addDetachKeys(cmd, &f.keys)
	return cmd
}

// options reads the flags and args, the container's name among them.
func (f *execFlags) options(a *cli.App, cmd *cobra.Command, args []string, o *execOptions) error {
	o.Detach, o.Stdin, o.TTY, o.Privileged, o.PreserveFDs = f.detach, f.interactive, f.tty, f.privileged, int(f.preserveFDs)
	named := min(len(args), 1)
	if o.Latest || len(o.CIDFiles) > 0 {
		named = 0
	}
	if err := o.Check(cmd, args[:named]); err != nil {
		return err
	}
	if o.Args = args[named:]; len(o.Args) == 0 || o.Args[0] == "" {
		return errs.WithHint(errs.Invalidf("exec: the command is missing"), "rc exec CONTAINER COMMAND [ARG…]")
	}
	var err error
	if o.DetachKeys, err = runflags.DetachKeys(f.keys, cmd.Flags().Changed("detach-keys"), a.Config); err != nil {
		return err
	}
	p := runflags.NewParser(cmd.Flags())
	o.User = runflags.One(p, "user", f.user, parse.User)
	o.Workdir = runflags.One(p, "workdir", f.workdir, parse.Workdir)
	o.PreserveFD = p.Descriptors(f.preserveFD)
	o.Env = p.Environment(f.envFiles, f.env)
	return p.Err()
}

func execContainer(ctx context.Context, a *cli.App, opts *execOptions) error {
	id, err := opts.One("exec", a)
	if err != nil {
		return err
	}
	opts.Streams = a.Streams()
	code, err := session.Exec(ctx, a.Config, id, opts.ExecOptions)
	return exit(code, err)
}
