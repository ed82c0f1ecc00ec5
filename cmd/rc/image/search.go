package image

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec"
)

type searchOptions struct {
	image.SearchOptions
	Filter     searchFilter
	Format     string
	Compatible bool
	NoTrunc    bool
}

// maxResults is podman's, per registry.
const maxResults = 100

func newSearchCommand(a *cli.App, runF cli.RunFunc[searchOptions]) *cobra.Command {
	opts := &searchOptions{}
	var registry registryFlags
	var filters []string
	cmd := &cobra.Command{
		Use:   "search [options] TERM",
		Short: "Search registries for images",
		Long: `Searches the registry that TERM begins with, else every registry that registries.conf
searches, or docker.io. Registries without a search are asked for the list of what they have.
With --list-tags TERM is an image, and its tags are listed.`,
		Example: `rc search alpine
rc search --filter is-official --limit 5 docker.io/postgres
rc search --list-tags --limit 100 quay.io/podman/stable
rc search --format '{{.Name}} {{.Stars}}' nginx`,
		Args: func(cmd *cobra.Command, args []string) error {
			return cli.Between(1, 1, "what to search for")(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Term = strings.TrimPrefix(args[0], "docker://")
			if opts.Registry, err = registry.options(cmd.Flags(), a); err != nil {
				return err
			}
			if opts.Filter, err = parseSearchFilter(filters); err != nil {
				return err
			}
			switch {
			case opts.Limit < 1 || opts.Limit > maxResults && !opts.Tags:
				return errs.Invalidf("--limit %d: want 1 to %d", opts.Limit, maxResults)
			case opts.Tags && len(filters) > 0:
				return errs.Invalidf("--filter %q: tags cannot be filtered", filters[0])
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.Limit, "limit", 25, "How many results each registry may give")
	flags.BoolVar(&opts.Tags, "list-tags", false, "List the tags of an image")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show whole descriptions")
	flags.BoolVar(&opts.Compatible, "compatible", false, "Show stars, official and automated, as docker does")
	cli.ListVar(flags, &filters, "filter", "f", "Only results that fit KEY=VALUE: stars, is-official, is-automated")
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	registry.reach(flags)
	cli.CompleteFormat(cmd, searchRow{})
	cli.CompleteFilter(a, cmd, cli.Images, searchFilterKeys())
	return cmd
}

// searchFilter says which results are shown.
type searchFilter struct {
	stars               int
	official, automated *bool
}

func searchFilterKeys() []string { return []string{"stars", "is-official", "is-automated"} }

func parseSearchFilter(values []string) (searchFilter, error) {
	var f searchFilter
	for _, v := range values {
		key, value, given := strings.Cut(v, "=")
		switch key {
		case "stars":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return f, errs.Invalidf("--filter %q: want stars=NUMBER", v)
			}
			f.stars = n
		case "is-official", "is-automated":
			if !given {
				value = "true"
			}
			yes, err := strconv.ParseBool(value)
			if err != nil {
				return f, errs.Invalidf("--filter %q: want %s=true or false", v, key)
			}
			if key == "is-official" {
				f.official = &yes
			} else {
				f.automated = &yes
			}
		default:
			_, _, err := spec.SplitFilter(v, searchFilterKeys())
			return f, err
		}
	}
	return f, nil
}

func (f searchFilter) match(r image.Found) bool {
	return r.Stars >= f.stars && (f.official == nil || *f.official == r.Official) && (f.automated == nil || *f.automated == r.Automated)
}

// searchRow has podman's field names.
type searchRow struct {
	Index       string
	Name        string
	Description string
	Stars       int
	Official    string
	Automated   string
	Tag         string
}

// StarCount and the next two are docker's names.
func (r searchRow) StarCount() int { return r.Stars }

// IsOfficial tells what Official shows.
func (r searchRow) IsOfficial() bool { return r.Official != "" }

// IsAutomated tells what Automated shows.
func (r searchRow) IsAutomated() bool { return r.Automated != "" }

// tagList is what --list-tags --format json prints.
type tagList struct {
	Name string
	Tags []string
}

func searchImages(ctx context.Context, a *cli.App, opts *searchOptions) error {
	o := format.Options{Table: `{{.Name}}\t{{.Description}}`}
	switch {
	case opts.Tags:
		o.Table = `{{.Name}}\t{{.Tag}}`
	case opts.Compatible:
		o.Table += `\t{{.Stars}}\t{{.Official}}\t{{.Automated}}`
	}
	if err := format.Check(opts.Format, searchRow{}, o); err != nil {
		return err
	}
	request := opts.SearchOptions
	request.Streams = streams(a)
	found, err := image.Search(ctx, a.Config, request)
	if err != nil {
		return err
	}
	if opts.Tags && format.IsJSON(opts.Format) {
		list := tagList{Tags: []string{}}
		for _, f := range found {
			list.Name = f.Name
			list.Tags = append(list.Tags, f.Tag)
		}
		return format.Print(a.Stdout, opts.Format, []tagList{list}, format.Options{})
	}
	var rows []searchRow
	for _, f := range found {
		if opts.Filter.match(f) {
			rows = append(rows, searchRowOf(f, opts))
		}
	}
	return format.Print(a.Stdout, opts.Format, rows, o)
}

// maxDescription is podman's width of the column.
const maxDescription = 44

func searchRowOf(f image.Found, opts *searchOptions) searchRow {
	ok := map[bool]string{true: "[OK]"}
	r := searchRow{
		Index: f.Index, Name: f.Name, Description: format.Plain(strings.ReplaceAll(f.Description, "\n", " ")),
		Stars: f.Stars, Official: ok[f.Official], Automated: ok[f.Automated], Tag: f.Tag,
	}
	if !opts.NoTrunc && !format.IsJSON(opts.Format) {
		r.Description = format.Ellipsis(r.Description, maxDescription)
	}
	return r
}
