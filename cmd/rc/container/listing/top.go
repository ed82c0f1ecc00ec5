package listing

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/processes"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

type topOptions struct {
	selection.Selection
	Columns []string // descriptors, or arguments of ps
	PS      bool
}

func newTopCommand(a *cli.App, runF cli.RunFunc[topOptions]) *cobra.Command {
	opts := &topOptions{}
	cmd := &cobra.Command{
		Use:   "top [options] CONTAINER [DESCRIPTOR...|PS-ARGUMENT...]",
		Short: "Show the processes of a container",
		Long: `Shows the processes of a container that runs, with the pids, users and groups that
they have in it. Descriptors say which columns; those that begin with h are as
the host sees it. They may be words of their own, or one with commas.

Descriptors: ` + strings.Join(processes.Descriptors(), ", ") + `.
The codes of ps(1) for them (%p, %C) are known, too.

Arguments that begin with a dash, or are ps's aux, are given to the host's ps(1),
of whose output the container's processes are shown, with the host's pids.`,
		Example: `rc top web
rc top web pid,user,args
rc top -l hpid huser capeff
rc top web -ef`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 && !opts.Latest {
				return cli.CompleteContainers(a, 1, cli.Running)(cmd, args, word)
			}
			return processes.Descriptors(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			named := min(len(args), 1)
			if opts.Latest {
				named = 0
			}
			if err := opts.Check(cmd, args[:named]); err != nil {
				return err
			}
			opts.Columns = args[named:]
			if opts.PS = psArguments(opts.Columns); !opts.PS {
				if err := processes.CheckDescriptors(opts.Columns); err != nil {
					return err
				}
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the container may be ps's
	opts.Add(a, cmd, selection.WithLatest, "Show", "")
	return cmd
}

// psArguments says whether words are for ps and no descriptors.
func psArguments(words []string) bool {
	if len(words) == 0 {
		return false
	}
	// ps's options without a dash that show every process: "ax", "auxww".
	return strings.HasPrefix(words[0], "-") || words[0][:min(1, len(words[0]))] == "a" && strings.Trim(words[0], "axujlvwfe") == ""
}

func showTop(ctx context.Context, a *cli.App, opts *topOptions) error {
	id, err := opts.One("top", a)
	if err != nil {
		return err
	}
	e, err := records.Of(a.Config).Find(id)
	if err != nil {
		return err
	}
	if opts.PS {
		if err := processes.Runs(e); err != nil {
			return err
		}
		return runPS(ctx, a.Stdout, e, opts.Columns)
	}
	layers, err := container.Layers(a.Config, id)
	if err != nil {
		return err
	}
	rows, err := processes.Top(e, opts.Columns, layers)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.Stdout, 5, 1, 3, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = format.Plain(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// runPS shows what the host's ps says of a container's processes.
func runPS(ctx context.Context, out io.Writer, e *state.Entry, args []string) error {
	cmd := exec.CommandContext(ctx, "ps", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return errs.WithHint(fmt.Errorf("top: ps: %w", errs.ErrNotFound), "install the package procps, or use descriptors: rc top "+e.Name+" pid,args")
	}
	if err != nil {
		return fmt.Errorf("top: ps %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	pids, err := processes.List(e)
	if err != nil {
		return err
	}
	return filterPS(out, text, pids, args)
}

// filterPS prints the headings and the lines with one of the pids.
func filterPS(out io.Writer, text []byte, pids []int, args []string) error {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	column := slices.Index(strings.Fields(lines.Text()), "PID")
	if column < 0 {
		return errs.WithHint(errs.Invalidf("top: ps %s shows no column PID", strings.Join(args, " ")), "add it: -o pid,…")
	}
	fmt.Fprintln(out, lines.Text())
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) <= column {
			continue
		}
		if pid, err := strconv.Atoi(f[column]); err == nil && slices.Contains(pids, pid) {
			fmt.Fprintln(out, format.Plain(lines.Text()))
		}
	}
	return lines.Err()
}
