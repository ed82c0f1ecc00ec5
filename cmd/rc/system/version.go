package system

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/format"
)

// clientVersion is what rc version tells, in podman's words.
type clientVersion struct {
	Version   string
	GoVersion string
	GitCommit string
	BuiltTime string `json:",omitempty"`
	Built     int64
	OsArch    string
	Os        string
}

// versionReport has docker's and podman's shape: {{.Client.Version}}. Scripts ask for {{.Server.Version}} to see whether
// docker is there; rc is both, and podman without a service says the same.
type versionReport struct {
	Client clientVersion
	Server clientVersion `json:"-"`
}

// Version is rc's own.
func Version(a *cli.App) string { return buildVersion(a).Version }

// buildVersion is what the linker was told, else what the Go toolchain noted.
func buildVersion(a *cli.App) clientVersion {
	v := clientVersion{
		Version:   a.Version,
		GoVersion: runtime.Version(), OsArch: runtime.GOOS + "/" + runtime.GOARCH, Os: runtime.GOOS,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	modified := ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.GitCommit = setting.Value
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, setting.Value); err == nil {
				v.Built, v.BuiltTime = t.Unix(), t.Local().Format(time.ANSIC)
			}
		case "vcs.modified":
			if setting.Value == "true" {
				modified = "-dirty"
			}
		}
	}
	if v.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	if v.Version == "" {
		v.Version = "devel" + modified
	}
	return v
}

type versionOptions struct{ Format string }

func newVersionCommand(a *cli.App, runF cli.RunFunc[versionOptions]) *cobra.Command {
	opts := &versionOptions{}
	cmd := &cobra.Command{
		Use:   "version [options]",
		Short: "Show the version of rc",
		Long:  "Shows the version of rc, of the Go toolchain that built it, and of what it was built from.",
		Example: `rc version
rc version --format '{{.Client.Version}}'
rc version --format json`,
		Args:              cli.NoArguments,
		Annotations:       map[string]string{cli.NoConfig: ""},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	cli.CompleteFormat(cmd, versionReport{})
	return cmd
}

func printVersion(_ context.Context, a *cli.App, opts *versionOptions) error {
	v := versionReport{buildVersion(a), buildVersion(a)}
	if opts.Format != "" {
		return format.PrintOne(a.Stdout, opts.Format, v)
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 8, 6, ' ', 0)
	for _, line := range [][2]string{
		{"Client:", "rc"},
		{"Version:", v.Client.Version},
		{"Go Version:", v.Client.GoVersion},
		{"Git Commit:", v.Client.GitCommit},
		{"Built:", v.Client.BuiltTime},
		{"OS/Arch:", v.Client.OsArch},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
		}
	}
	return w.Flush()
}
