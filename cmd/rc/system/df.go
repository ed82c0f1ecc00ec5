package system

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/system"
)

type dfOptions struct {
	Verbose bool
	Format  string
}

const dfTable = `{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}`

func newDfCommand(a *cli.App, runF cli.RunFunc[dfOptions]) *cobra.Command {
	opts := &dfOptions{}
	cmd := &cobra.Command{
		Use:   "df [options]",
		Short: "Show how much disk images, containers, volumes and the build cache take",
		Long: `Shows how many images, containers, volumes and entries of the build cache there
are, how much disk they take (blocks, what is linked hard once; the sum is that of
du), and how much of it could be had back: images and volumes without a container,
containers that do not run, what no build uses right now, and what waits to be
deleted. Layers that images have, too, are not counted for the build cache.`,
		Example: `rc system df
rc system df --verbose
rc system df --format '{{.Type}} {{.Reclaimable}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Verbose && opts.Format != "" {
				return errs.WithHint(errs.Invalidf("system df: --format together with --verbose"), cmd.CommandPath()+" --help")
			}
			if err := format.Check(opts.Format, dfRow{}, format.Options{Table: dfTable}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.Verbose, "verbose", "v", false, "Show each image, container, volume and entry of the build cache")
	cli.CompleteFormat(cmd, dfRow{})
	return cmd
}

// dfRow is one line, with podman's and docker's field names.
type dfRow struct {
	Type           string
	Total          int
	TotalCount     int
	Active         int
	RawSize        int64
	RawReclaimable int64
	Size           string
	Reclaimable    string
}

func newDfRow(kind string, total, active int, size, reclaimable int64) dfRow {
	percent := 0
	if size > 0 {
		percent = int(math.Round(100 * float64(reclaimable) / float64(size)))
	}
	return dfRow{
		Type: kind, Total: total, TotalCount: total, Active: active, RawSize: size, RawReclaimable: reclaimable,
		Size: format.Size(size), Reclaimable: fmt.Sprintf("%s (%d%%)", format.Size(reclaimable), percent),
	}
}

func showUsage(ctx context.Context, a *cli.App, opts *dfOptions) error {
	if !a.InUserns {
		// Where the index is stale, it has to be built anew from here.
		if _, err := image.Read(ctx, a.Config); err != nil {
			return fmt.Errorf("system df: %w", err)
		}
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	u, err := system.MeasureUsage(ctx, a.Config)
	if err != nil {
		return fmt.Errorf("system df: %w", err)
	}
	if opts.Verbose {
		return printUsage(a, u)
	}
	images, running, volumes, builds := 0, 0, 0, 0
	for _, i := range u.Images {
		if i.Containers > 0 {
			images++
		}
	}
	for _, c := range u.Containers {
		if c.Alive() {
			running++
		}
	}
	for _, v := range u.Volumes {
		if v.Active {
			volumes++
		}
	}
	for _, e := range u.Builds {
		if e.InUse {
			builds++
		}
	}
	rows := []dfRow{
		newDfRow("Images", len(u.Images), images, u.ImagesSize, u.ImagesReclaimable),
		newDfRow("Containers", len(u.Containers), running, u.ContainersSize, u.ContainersReclaimable),
		newDfRow("Local Volumes", len(u.Volumes), volumes, u.VolumesSize, u.VolumesReclaimable),
		newDfRow("Build Cache", len(u.Builds), builds, u.BuildsSize, u.BuildsReclaimable),
	}
	return format.Print(a.Stdout, opts.Format, rows, format.Options{Table: dfTable})
}

// The rows of --verbose.
type (
	dfImage struct {
		Repository, Tag, ImageID, Created, Size, SharedSize, UniqueSize string
		Containers                                                      int
	}
	dfContainer struct {
		ContainerID, Image, Command  string
		LocalVolumes                 int
		Size, Created, Status, Names string
	}
	dfVolume struct {
		VolumeName string
		Links      int
		Size       string
	}
	dfBuild struct {
		CacheID, CacheType, Size, Created, LastUsed string
		Usage                                       int
		Shared                                      bool
	}
)

func printUsage(a *cli.App, u *system.Usage) error {
	now := time.Now()
	var images []dfImage
	for _, i := range u.Images {
		row := dfImage{
			Repository: "<none>", Tag: "<none>", ImageID: format.ShortID(i.ID), Created: format.Ago(i.Created, now),
			Size: format.Size(i.Size), SharedSize: format.Size(i.Shared), UniqueSize: format.Size(i.Unique), Containers: i.Containers,
		}
		if len(i.Names) > 0 {
			if n, err := index.ParseName(i.Names[0]); err == nil {
				row.Repository, row.Tag = n.Repository(), n.Tag
			}
		}
		images = append(images, row)
	}
	var containers []dfContainer
	for _, c := range u.Containers {
		containers = append(containers, dfContainer{
			ContainerID: format.ShortID(c.ID), Image: format.Plain(c.Image), Command: format.Plain(format.Truncate(strings.Join(c.Command, " "), 30)),
			LocalVolumes: c.Volumes, Size: format.Size(c.Size), Created: format.Ago(c.Created, now),
			Status: records.StatusText(c.Entry, now), Names: c.Name,
		})
	}
	var volumes []dfVolume
	for _, v := range u.Volumes {
		volumes = append(volumes, dfVolume{v.Name, v.Links, format.Size(v.Size)})
	}
	var builds []dfBuild
	for _, e := range u.Builds {
		builds = append(builds, dfBuild{
			CacheID: format.ShortID(e.ID), CacheType: e.Type, Size: format.Size(e.Size), Created: format.Ago(e.Created, now),
			LastUsed: format.Ago(e.Used, now), Usage: e.Uses, Shared: e.Shared,
		})
	}
	for _, part := range []struct {
		title, table string
		rows         any
	}{
		{"Images space usage:", `{{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}`, images},
		{"\nContainers space usage:", `{{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.Created}}\t{{.Status}}\t{{.Names}}`, containers},
		{"\nLocal Volumes space usage:", `{{.VolumeName}}\t{{.Links}}\t{{.Size}}`, volumes},
		{"\nBuild cache usage: " + format.Size(u.BuildsSize), `{{.CacheID}}\t{{.CacheType}}\t{{.Size}}\t{{.Created}}\t{{.LastUsed}}\t{{.Usage}}\t{{.Shared}}`, builds},
	} {
		fmt.Fprint(a.Stdout, part.title, "\n\n")
		if err := format.Print(a.Stdout, "", part.rows, format.Options{Table: part.table}); err != nil {
			return err
		}
	}
	return nil
}
