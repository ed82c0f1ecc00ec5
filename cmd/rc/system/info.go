package system

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/spec"
)

// systemInfo is what rc info tells, in podman's layout. The JSON names are podman's; a
// template uses the Go names: {{.Host.Arch}}.
type systemInfo struct {
	Host       hostInfo       `json:"host"`
	Store      storeInfo      `json:"store"`
	Registries registriesInfo `json:"registries"`
	Plugins    pluginsInfo    `json:"plugins"`
	// Settings are what rc has been told, and by whom; as text, those only that are not defaults.
	Settings []config.Setting `json:"settings"`
	Version  clientVersion    `json:"version"`
}

// pluginsInfo are what drivers there are.
type pluginsInfo struct {
	Volume        []string `json:"volume"`
	Network       []string `json:"network"`
	Log           []string `json:"log"`
	Authorization []string `json:"authorization"` // of docker's daemon
}

type hostInfo struct {
	Arch              string           `json:"arch"`
	CgroupControllers []string         `json:"cgroupControllers"`
	CgroupManager     string           `json:"cgroupManager"`
	CgroupVersion     string           `json:"cgroupVersion"`
	CPUs              int              `json:"cpus"`
	Distribution      distributionInfo `json:"distribution"`
	Hostname          string           `json:"hostname"`
	IDMappings        idMappings       `json:"idMappings"`
	Kernel            string           `json:"kernel"`
	MemFree           uint64           `json:"memFree"`
	MemTotal          uint64           `json:"memTotal"`
	NetworkBackend    string           `json:"networkBackend"`
	OCIRuntime        machine.Program  `json:"ociRuntime"`
	OS                string           `json:"os"`
	Pasta             machine.Program  `json:"pasta"`
	Ping              string           `json:"ping"`
	Slirp4netns       machine.Program  `json:"slirp4netns"`
	Security          securityInfo     `json:"security"`
	SwapFree          uint64           `json:"swapFree"`
	SwapTotal         uint64           `json:"swapTotal"`
	// UnprivilegedPorts is the first port that can be published: net.ipv4.ip_unprivileged_port_start.
	UnprivilegedPorts string `json:"unprivilegedPorts"`
	Uptime            string `json:"uptime"`
}

type distributionInfo struct {
	Codename     string `json:"codename,omitempty"`
	Distribution string `json:"distribution"`
	Version      string `json:"version"`
}

type idMappings struct {
	GIDMap []idMapping `json:"gidmap"`
	UIDMap []idMapping `json:"uidmap"`
	// Problem is why containers cannot have these ids.
	Problem string `json:"problem,omitempty"`
}

type idMapping struct {
	ContainerID uint32 `json:"container_id"`
	HostID      uint32 `json:"host_id"`
	Size        uint32 `json:"size"`
}

type securityInfo struct {
	AppArmorEnabled    bool   `json:"apparmorEnabled"`
	Capabilities       string `json:"capabilities"`
	Rootless           bool   `json:"rootless"`
	SeccompEnabled     bool   `json:"seccompEnabled"`
	SeccompProfilePath string `json:"seccompProfilePath"`
	SELinuxEnabled     bool   `json:"selinuxEnabled"`
}

type storeInfo struct {
	ConfigFile         string            `json:"configFile"`
	ContainerStore     containerCount    `json:"containerStore"`
	GraphDriverName    string            `json:"graphDriverName"`
	GraphOptions       map[string]string `json:"graphOptions"`
	GraphRoot          string            `json:"graphRoot"`
	GraphRootAllocated uint64            `json:"graphRootAllocated"`
	GraphRootUsed      uint64            `json:"graphRootUsed"`
	GraphStatus        map[string]string `json:"graphStatus"`
	ImageCopyTmpDir    string            `json:"imageCopyTmpDir"`
	ImageStore         imageCount        `json:"imageStore"`
	MountProgram       mountProgramInfo  `json:"mountProgram"`
	RunRoot            string            `json:"runRoot"`
}

type mountProgramInfo struct {
	Name    string `json:"name"`
	Reason  string `json:"reason"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
}

type containerCount struct {
	Number  int `json:"number"`
	Paused  int `json:"paused"`
	Running int `json:"running"`
	Stopped int `json:"stopped"`
}

type imageCount struct {
	Number int `json:"number"`
}

type registriesInfo struct {
	Search []string `json:"search"`
}

type infoOptions struct{ Format string }

func newInfoCommand(a *cli.App, runF cli.RunFunc[infoOptions]) *cobra.Command {
	opts := &infoOptions{}
	cmd := &cobra.Command{
		Use:   "info [options]",
		Short: "Show what rc works with on this machine",
		Long: `Shows the machine, the ids and controllers that containers can have, where images
and containers lie and how their file systems are mounted, and the programs that
rc calls. Nothing is changed, and no namespace is made.

Under "settings" is what files (with the line), variables and flags have set; with
--format also all that nobody has set ("default").`,
		Example: `rc info
rc info --format json
rc info --format '{{range .Settings}}{{.Key}} {{.Value}} {{.Origin}}{{println}}{{end}}'
rc info --format '{{.Store.MountProgram.Reason}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	cli.CompleteFormat(cmd, systemInfo{})
	return cmd
}

func printInfo(ctx context.Context, a *cli.App, opts *infoOptions) error {
	if err := format.Check(opts.Format, systemInfo{}, format.Options{}); err != nil {
		return err
	}
	info := gatherInfo(ctx, a)
	if opts.Format != "" {
		return format.PrintOne(a.Stdout, opts.Format, info)
	}
	info.Settings = slices.DeleteFunc(info.Settings, func(s config.Setting) bool { return s.Origin == config.Default && !strings.HasSuffix(s.Key, "root") })
	return writeYAML(a.Stdout, info)
}

// gatherInfo asks everybody at once: the versions of programs take longest.
func gatherInfo(ctx context.Context, a *cli.App) systemInfo {
	programs := machine.StartVersions(ctx, a.Config.Containers.HelperDirs, "fuse-overlayfs", "slirp4netns", "pasta")
	info := systemInfo{
		Host:       hostFacts(ctx, a),
		Store:      storeFacts(a.Config),
		Registries: registriesInfo{Search: a.Config.SearchRegistries()},
		Plugins:    pluginsInfo{Volume: []string{spec.DriverLocal}, Network: []string{bridge.Driver}, Log: spec.LogDrivers()},
		Settings:   a.Config.Origins(a.Global),
		Version:    buildVersion(a),
	}
	found := programs()
	info.Host.Slirp4netns, info.Host.Pasta = found["slirp4netns"], found["pasta"]
	if fuse := found["fuse-overlayfs"]; fuse.Path != "" {
		info.Store.GraphOptions["overlay.mount_program"] = fuse.Path
		if info.Store.MountProgram.Name == fuse.Name {
			info.Store.MountProgram.Path, info.Store.MountProgram.Version = fuse.Path, fuse.Version
		}
	}
	return info
}
