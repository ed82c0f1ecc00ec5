package image

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
)

type historyOptions struct {
	Image, Format         string
	Human, NoTrunc, Quiet bool
}

const historyTable = `{{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`

// historyRow is a step as templates see it, with podman's names.
type historyRow struct {
	ID           string
	Created      string
	CreatedAt    string
	CreatedSince string
	CreatedBy    string
	Size         string
	Comment      string
	Tags         []string
}

// historyJSON is a step as podman history --format json has it.
type historyJSON struct {
	ID        string    `json:"id"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"CreatedBy,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	Size      int64     `json:"size"`
	Comment   string    `json:"comment,omitempty"`
}

func newHistoryCommand(a *cli.App, runF cli.RunFunc[historyOptions]) *cobra.Command {
	opts := &historyOptions{}
	cmd := &cobra.Command{
		Use:   "history [options] IMAGE",
		Short: "Show how an image was made",
		Long: `Shows the steps by which an image was made, the latest first, and what each has added.
Steps that are an image here have its id; the others are <missing>, which is nothing
to worry about.`,
		Example: `rc history alpine
rc history --no-trunc --format '{{.CreatedBy}} {{.Size}}' debian`,
		Args:              cli.Between(1, 1, "the image"),
		ValidArgsFunction: cli.CompleteImages(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Image = args[0]
			if err := format.Check(opts.Format, historyRow{}, historyFormat()); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.Human, "human", "H", true, "Show sizes and times for people; with =false, bytes and RFC 3339")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show ids and commands in full")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print ids only")
	cli.CompleteFormat(cmd, historyRow{})
	return cmd
}

func historyFormat() format.Options {
	return format.Options{Table: historyTable, Headings: map[string]string{"ID": "ID", "CreatedBy": "CREATED BY"}}
}

func showHistory(ctx context.Context, a *cli.App, opts *historyOptions) error {
	img, err := image.Resolve(ctx, a.Config, opts.Image, image.Platform{})
	if err != nil {
		return err
	}
	ix, err := image.Read(ctx, a.Config)
	if err != nil {
		return err
	}
	steps, err := image.History(a.Config, ix, img)
	if err != nil {
		return fmt.Errorf("history of %q: %w", opts.Image, err)
	}
	if format.IsJSON(opts.Format) && !opts.Quiet {
		out := []historyJSON{}
		for _, s := range steps {
			out = append(out, historyJSON{s.ID, s.Created, s.CreatedBy, s.Tags, s.Size, s.Comment})
		}
		return format.Print(a.Stdout, opts.Format, out, format.Options{})
	}
	rows := historyRows(steps, opts, time.Now())
	if opts.Quiet {
		for _, r := range rows {
			fmt.Fprintln(a.Stdout, r.ID)
		}
		return nil
	}
	return format.Print(a.Stdout, opts.Format, rows, historyFormat())
}

func historyRows(steps []image.Step, opts *historyOptions, now time.Time) []historyRow {
	var rows []historyRow
	for _, s := range steps {
		r := historyRow{
			ID: s.ID, CreatedAt: s.Created.Format(time.RFC3339), CreatedSince: format.Ago(s.Created, now),
			CreatedBy: format.Plain(s.CreatedBy), Size: format.Size(s.Size), Comment: format.Plain(s.Comment), Tags: s.Tags,
		}
		r.Created = r.CreatedSince
		if !opts.Human {
			r.Created, r.Size = r.CreatedAt, fmt.Sprint(s.Size)
		}
		if !opts.NoTrunc {
			const most = 45 // podman's
			r.CreatedBy = format.Ellipsis(r.CreatedBy, most)
			r.ID = format.ShortID(s.ID)
		}
		rows = append(rows, r)
	}
	return rows
}
