package listing

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/state"
)

type portOptions struct {
	selection.Selection
	// Port, where it is set, is the container's that is asked for: 80/tcp.
	Port string
}

func newPortCommand(a *cli.App, runF cli.RunFunc[portOptions]) *cobra.Command {
	opts := &portOptions{}
	cmd := &cobra.Command{
		Use:   "port [options] CONTAINER [PORT[/PROTOCOL]]",
		Short: "Show the ports of the host that lead to a container",
		Long: `Shows where the published ports of a container are at the host, or where one of them is.
Numbers that were left to rc are there while the container runs.`,
		Example: `rc port web
rc port web 80
rc port web 53/udp
rc port --all`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 && !opts.Latest && !opts.All {
				return cli.CompleteContainers(a, 1, cli.Alive)(cmd, args, word)
			}
			return completePorts(a, args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			named := min(len(args), 1)
			if opts.All || opts.Latest {
				named = 0
			}
			if err := opts.Check(cmd, args[:named]); err != nil {
				return err
			}
			switch rest := args[named:]; {
			case len(rest) == 0:
			case opts.All || len(rest) > 1:
				return errs.WithHint(errs.Invalidf("port: %q is one argument too many", rest[len(rest)-1]), cmd.CommandPath()+" --help")
			default:
				list, err := parse.Expose(rest[0])
				if err == nil && len(list) > 1 {
					err = errs.Invalidf("%q: want one port", rest[0])
				}
				if err != nil {
					return fmt.Errorf("port %w", err)
				}
				opts.Port = list[0]
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Show", "all containers that run")
	return cmd
}

// completePorts are those of the container that was named.
func completePorts(a *cli.App, args []string) []string {
	if len(args) != 1 || a.Load() != nil {
		return nil
	}
	e, err := records.Of(a.Config).Find(args[0])
	if err != nil {
		return nil
	}
	var words []string
	for _, row := range records.PublishedPorts(e) {
		for _, p := range row.Single() {
			words = append(words, p.Container())
		}
	}
	return words
}

func showPorts(_ context.Context, a *cli.App, opts *portOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("port", root, selection.Alive)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.Err == nil {
			t.Err = opts.show(a, root, t.ID)
		}
	}
	return opts.Failure(a, targets, errs.Code)
}

// show prints the ports of one container; with --all several may follow each other.
func (o *portOptions) show(a *cli.App, root state.Root, id string) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	found := false
	for _, row := range records.PublishedPorts(e) {
		for _, p := range row.Single() {
			switch {
			case p.HostPort == 0 || p.HostLast != 0:
				if o.Port == p.Container() {
					return errs.WithHint(fmt.Errorf("port %s of container %q: it is chosen when the container is started, which is %s: %w",
						o.Port, e.Name, e.Status, errs.ErrState), "rc start "+e.Name)
				}
			case o.Port == "":
				prefix := ""
				if o.All {
					prefix = format.ShortID(e.ID) + "\t"
				}
				fmt.Fprintf(a.Stdout, "%s%s -> %s\n", prefix, p.Container(), p.Host())
			case o.Port == p.Container():
				fmt.Fprintln(a.Stdout, p.Host())
				found = true
			}
		}
	}
	if o.Port != "" && !found {
		return fmt.Errorf("port %s of container %q: it is not published: %w", o.Port, e.Name, errs.ErrNotFound)
	}
	return nil
}
