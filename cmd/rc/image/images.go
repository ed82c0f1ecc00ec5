package image

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

type imagesOptions struct {
	image.ListOptions
	Format    string
	Sort      string
	Quiet     bool
	Digests   bool
	NoTrunc   bool
	NoHeading bool
	History   bool
}

func sortKeys() []string { return []string{"created", "id", "repository", "size", "tag"} }

func newImagesCommand(a *cli.App, runF cli.RunFunc[imagesOptions]) *cobra.Command {
	opts := &imagesOptions{}
	cmd := &cobra.Command{
		Use:   "images [options] [NAME]",
		Short: "List images",
		Long: `Lists images, one line for each name, the newest first. NAME lists those only that have
it; it may be a pattern such as 'alpine*' or 'docker.io/library/*:latest'.`,
		Example: `rc images
rc images --filter dangling=true -q
rc images --format '{{.Repository}}:{{.Tag}} {{.Size}}'`,
		Args:              cli.Between(0, 1, ""),
		ValidArgsFunction: cli.CompleteImages(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Reference = args[0]
			}
			if !slices.Contains(sortKeys(), opts.Sort) {
				return errs.Invalidf("--sort %q: want %s%s", opts.Sort, strings.Join(sortKeys(), ", "), spec.Meant(opts.Sort, sortKeys()))
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Show images too that have no name and only serve as the base of others")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print ids only")
	flags.BoolVar(&opts.Digests, "digests", false, "Show digests")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show whole ids")
	flags.BoolVarP(&opts.NoHeading, "noheading", "n", false, "Leave the headings out")
	flags.StringArrayVarP(&opts.Filters, "filter", "f", nil, "Only images that fit KEY=VALUE; keys: "+strings.Join(image.FilterKeys(), ", "))
	flags.BoolVar(&opts.History, "history", false, "Show the names that images have had")
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.StringVar(&opts.Sort, "sort", "created", "Sort by "+strings.Join(sortKeys(), ", "))
	cli.CompleteFormat(cmd, imageRow{})
	cli.Must(cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(sortKeys(), cobra.ShellCompDirectiveNoFileComp)))
	cli.CompleteFilter(a, cmd, cli.Images, image.FilterKeys())
	return cmd
}

// imageRow has podman's field names for templates; JSON is imageJSON.
type imageRow struct {
	ID           string `json:"Id"` //nolint:tagliatelle // docker's spelling
	Repository   string
	Tag          string
	Digest       string
	Created      string // "2 weeks ago"
	CreatedAt    string
	CreatedSince string
	CreatedTime  string
	Size         string
	Names        []string
	History      string
	ParentID     string `json:"ParentId"` //nolint:tagliatelle // podman's spelling
	Labels       map[string]string
	Containers   int
	Dangling     bool
	ReadOnly     bool
	RepoTags     []string
	RepoDigests  []string
	SharedSize   string
	VirtualSize  string
	Os           string //nolint:revive // podman's spelling
	Architecture string

	created time.Time
	size    int64
}

// IsDangling and IsReadOnly are podman's other names of two fields.
func (r imageRow) IsDangling() bool { return r.Dangling }

// IsReadOnly is false: rc has no additional stores.
func (r imageRow) IsReadOnly() bool { return r.ReadOnly }

// imageJSON is one image as podman images --format json has it.
type imageJSON struct {
	ID          string            `json:"Id"` //nolint:tagliatelle // podman's spelling
	ParentID    string            `json:"ParentId"`
	RepoTags    []string          `json:"RepoTags"`
	RepoDigests []string          `json:"RepoDigests"`
	Size        int64             `json:"Size"`
	SharedSize  int64             `json:"SharedSize"`
	VirtualSize int64             `json:"VirtualSize"`
	Labels      map[string]string `json:"Labels"`
	Containers  int               `json:"Containers"`
	Dangling    bool              `json:"Dangling,omitempty"`
	Names       []string          `json:"Names,omitempty"`
	History     []string          `json:"History,omitempty"`
	Digest      string            `json:"Digest"`
	Created     int64             `json:"Created"`
	CreatedAt   time.Time         `json:"CreatedAt"`
	Os          string            `json:"Os"` //nolint:revive // podman's spelling
	Arch        string            `json:"Architecture"`
}

func listImages(ctx context.Context, a *cli.App, opts *imagesOptions) error {
	o := format.Options{Table: imagesTable(opts), NoHeading: opts.NoHeading, Headings: map[string]string{"ID": "IMAGE ID"}}
	if err := format.Check(opts.Format, imageRow{}, o); err != nil {
		return err
	}
	users := make(map[string]int)
	entries, _ := state.Root{Data: a.Config.DataRoot, Run: a.Config.RunRoot}.List() // a broken record is told by ps
	for _, e := range entries {
		users[e.ImageID]++
		for _, id := range e.MountedImages {
			users[id]++
		}
	}
	listed, broken, err := image.List(ctx, a.Config, opts.ListOptions, users)
	if err != nil {
		return err
	}
	warnBroken(a, broken)
	if format.IsJSON(opts.Format) && !opts.Quiet {
		return format.Print(a.Stdout, opts.Format, imagesJSON(listed), format.Options{})
	}
	rows := imageRows(listed, opts, time.Now())
	if opts.Quiet {
		seen := make(map[string]bool)
		for _, r := range rows {
			if !seen[r.ID] {
				fmt.Fprintln(a.Stdout, r.ID)
			}
			seen[r.ID] = true
		}
		return nil
	}
	return format.Print(a.Stdout, opts.Format, rows, o)
}

// warnBroken tells of images that are in no list.
func warnBroken(a *cli.App, broken []index.Broken) {
	for _, b := range broken {
		fmt.Fprintf(a.Stderr, "Warning: image %.12s (%s) is damaged: %s\n", b.ID, strings.Join(b.Names, ", "), b.Problem)
	}
	if len(broken) > 0 {
		fmt.Fprintln(a.Stderr, "Hint: rc pull it again, or remove it: rc system check --repair")
	}
}

func imagesTable(opts *imagesOptions) string {
	table := `{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}`
	if opts.Digests {
		table = `{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}`
	}
	if opts.History {
		table += `\t{{.History}}`
	}
	return table
}

const none = "<none>"

// imageRows are the lines of the table: one for each name, one for an image without any.
func imageRows(listed []image.Listed, opts *imagesOptions, now time.Time) []imageRow {
	var rows []imageRow
	for _, l := range listed {
		names := l.Names
		if opts.Reference != "" {
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				return !image.MatchReference(index.Entry{Names: []string{name}}, opts.Reference)
			})
		}
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			rows = append(rows, imageRowOf(l, name, opts, now))
		}
	}
	by := map[string]func(a, b imageRow) int{
		"created": func(a, b imageRow) int { return b.created.Compare(a.created) },
		"id":      func(a, b imageRow) int { return cmp.Compare(a.ID, b.ID) },
		"repository": func(a, b imageRow) int {
			return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag))
		},
		"size": func(a, b imageRow) int { return cmp.Compare(b.size, a.size) },
		"tag":  func(a, b imageRow) int { return cmp.Compare(a.Tag, b.Tag) },
	}
	slices.SortStableFunc(rows, by[opts.Sort])
	return rows
}

func imageRowOf(l image.Listed, name string, opts *imagesOptions, now time.Time) imageRow {
	r := imageRow{
		ID: l.ID, Repository: none, Tag: none, Digest: l.Digest.String(), Names: l.Names, Labels: l.Labels, Containers: l.Containers,
		History: strings.Join(l.PastNames(), ", "), ParentID: l.Parent,
		Created: format.Ago(l.Created, now), CreatedSince: format.Ago(l.Created, now), CreatedAt: l.Created.UTC().String(),
		CreatedTime: l.Created.UTC().String(), Size: format.Size(l.Size), SharedSize: format.Size(0), VirtualSize: format.Size(l.Size),
		Dangling: len(l.Names) == 0, RepoTags: l.Names, RepoDigests: repoDigests(l), Os: l.OS, Architecture: l.Arch,
		created: l.Created, size: l.Size,
	}
	if !opts.NoTrunc {
		r.ID = format.ShortID(l.ID)
	} else {
		r.ID = "sha256:" + l.ID
	}
	if n, err := index.ParseName(name); err == nil {
		r.Repository = n.Repository()
		if n.Tag != "" {
			r.Tag = n.Tag
		}
	}
	return r
}

// repoDigests are REPOSITORY@DIGEST for all repositories and manifests of an image.
func repoDigests(l image.Listed) []string {
	var out []string
	for _, name := range l.Names {
		n, err := index.ParseName(name)
		if err != nil {
			continue
		}
		for _, d := range l.Digests {
			if rd := n.Repository() + "@" + d.String(); !slices.Contains(out, rd) {
				out = append(out, rd)
			}
		}
	}
	return out
}

func imagesJSON(listed []image.Listed) []imageJSON {
	var out []imageJSON
	for _, l := range listed {
		out = append(out, imageJSON{
			ID: l.ID, ParentID: l.Parent, RepoTags: l.Names, RepoDigests: repoDigests(l), Size: l.Size, VirtualSize: l.Size, Labels: l.Labels,
			Containers: l.Containers, Dangling: len(l.Names) == 0, Names: l.Names, History: l.PastNames(), Digest: l.Digest.String(),
			Created: l.Created.Unix(), CreatedAt: l.Created.UTC(), Os: l.OS, Arch: l.Arch,
		})
	}
	return out
}
