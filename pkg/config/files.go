package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/rc-containers/rc/pkg/errs"
)

// containersConf is containers.conf(5), as far as rc uses it. Keys that it has besides are
// ignored: the file is shared with other programs and their versions.
type containersConf struct {
	Containers struct {
		Annotations    list   `toml:"annotations"`
		CgroupNS       string `toml:"cgroupns"`
		Cgroups        string `toml:"cgroups"`
		Capabilities   list   `toml:"default_capabilities"`
		Sysctls        list   `toml:"default_sysctls"`
		Ulimits        list   `toml:"default_ulimits"`
		Devices        list   `toml:"devices"`
		DNSOptions     list   `toml:"dns_options"`
		DNSSearches    list   `toml:"dns_searches"`
		DNSServers     list   `toml:"dns_servers"`
		BaseHostsFile  string `toml:"base_hosts_file"`
		HostContainers string `toml:"host_containers_internal_ip"`
		NoHosts        bool   `toml:"no_hosts"`
		NoHostname     bool   `toml:"no_hostname"`
		Env            list   `toml:"env"`
		EnvHost        bool   `toml:"env_host"`
		HTTPProxy      *bool  `toml:"http_proxy"`
		Init           bool   `toml:"init"`
		IPCNS          string `toml:"ipcns"`
		LogDriver      string `toml:"log_driver"`
		LogSizeMax     int64  `toml:"log_size_max"`
		LogTag         string `toml:"log_tag"`
		Mounts         list   `toml:"mounts"`
		Netns          string `toml:"netns"`
		OOMScoreAdj    *int   `toml:"oom_score_adj"`
		PIDNS          string `toml:"pidns"`
		PIDsLimit      *int64 `toml:"pids_limit"`
		ReadOnly       bool   `toml:"read_only"`
		SeccompProfile string `toml:"seccomp_profile"`
		ShmSize        string `toml:"shm_size"`
		TZ             string `toml:"tz"`
		Umask          string `toml:"umask"`
		UserNS         string `toml:"userns"`
		UTSNS          string `toml:"utsns"`
		Volumes        list   `toml:"volumes"`
	} `toml:"containers"`
	Engine struct {
		CDISpecDirs    list    `toml:"cdi_spec_dirs"`
		CgroupManager  string  `toml:"cgroup_manager"`
		DetachKeys     *string `toml:"detach_keys"`
		HelperDirs     list    `toml:"helper_binaries_dir"`
		HooksDirs      list    `toml:"hooks_dir"`
		NetworkOptions list    `toml:"network_cmd_options"`
		PullPolicy     string  `toml:"pull_policy"`
		StopTimeout    *uint   `toml:"stop_timeout"`
	} `toml:"engine"`
	Network struct {
		Command      string       `toml:"default_rootless_network_cmd"`
		PastaOptions list         `toml:"pasta_options"`
		Name         string       `toml:"default_network"`
		Subnet       string       `toml:"default_subnet"`
		Pools        []SubnetPool `toml:"default_subnet_pools"`
	} `toml:"network"`
}

// list is an array of strings; {append=true} as its last element adds to what an earlier
// file gave instead of replacing it.
type list []string

func (l *list) UnmarshalTOML(value any) error {
	array, ok := value.([]any)
	if !ok {
		return errors.New("want an array of strings")
	}
	var out list
	keep := false
	for _, element := range array {
		switch element := element.(type) {
		case string:
			out = append(out, element)
		case map[string]any:
			appends, ok := element["append"].(bool)
			if !ok || len(element) != 1 {
				return errors.New("want strings, and {append=true} at most")
			}
			keep = appends
		default:
			return errors.New("want an array of strings")
		}
	}
	if keep {
		out = append(append(list{}, *l...), out...)
	}
	*l = out
	return nil
}

// storageConf is storage.conf(5). Only the mount program is taken from it: rc's store is
// its own, so other programs' roots and drivers are none of its business.
type storageConf struct {
	Storage struct {
		Options struct {
			MountProgram string `toml:"mount_program"`
			Overlay      struct {
				MountProgram string `toml:"mount_program"`
			} `toml:"overlay"`
		} `toml:"options"`
	} `toml:"storage"`
}

// readFiles reads containers.conf and storage.conf into c.
func (c *Config) readFiles(flags Flags, h host) error {
	var conf containersConf
	modules, err := h.modules(flags.Modules)
	if err != nil {
		return err
	}
	for _, path := range containersFiles(h, modules) {
		if err := c.decode(path, &conf); err != nil {
			return err
		}
	}
	c.Containers = conf.settings()
	c.CDISpecDirs, c.HooksDirs = conf.Engine.CDISpecDirs, conf.Engine.HooksDirs
	if conf.Engine.CgroupManager != "" {
		c.CgroupManager = conf.Engine.CgroupManager
	}
	return c.readStorage(h)
}

// containersFiles are the files that may exist, later ones before earlier ones in
// precedence: containers.conf(5).
func containersFiles(h host, modules []string) []string {
	var files []string
	if path := h.getenv("CONTAINERS_CONF"); path != "" {
		files = append(files, path)
	} else {
		files = append(files, h.share+"/containers.conf", h.etc+"/containers.conf")
		files = append(files, dropIns(h.etc)...)
		if home := h.configHome(); home != "" {
			files = append(files, home+"/containers.conf")
			files = append(files, dropIns(home)...)
		}
	}
	files = append(files, modules...)
	if path := h.getenv("CONTAINERS_CONF_OVERRIDE"); path != "" {
		files = append(files, path)
	}
	return files
}

// modules finds what --module names: a file, or one in containers.conf.modules of the user, of the
// administrator, or of the distribution.
func (h host) modules(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		candidates := []string{name}
		if !filepath.IsAbs(name) {
			candidates = []string{h.configHome() + "/containers.conf.modules/" + name, h.etc + "/containers.conf.modules/" + name, h.share + "/containers.conf.modules/" + name}
		}
		i := slices.IndexFunc(candidates, func(path string) bool {
			st, err := os.Stat(path)
			return err == nil && !st.IsDir()
		})
		if i < 0 {
			return nil, fmt.Errorf("--module %q: %w: none of %s", name, errs.ErrNotFound, strings.Join(candidates, ", "))
		}
		files = append(files, candidates[i])
	}
	return files, nil
}

// dropIns are the files of containers.conf.d in the order of their names.
func dropIns(dir string) []string {
	entries, err := os.ReadDir(dir + "/containers.conf.d") // sorted; absent nearly everywhere
	if err != nil {
		return nil
	}
	var files []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".conf") && !entry.IsDir() {
			files = append(files, filepath.Join(dir, "containers.conf.d", entry.Name()))
		}
	}
	return files
}

// storageFiles are the storage.conf that may exist; the first that does counts.
func storageFiles(h host) []string {
	files := []string{h.etc + "/storage.conf", h.share + "/storage.conf"}
	if home := h.configHome(); home != "" {
		files = append([]string{home + "/storage.conf"}, files...)
	}
	if path := h.getenv("CONTAINERS_STORAGE_CONF"); path != "" {
		files = []string{path}
	}
	return files
}

// readStorage reads it.
func (c *Config) readStorage(h host) error {
	for _, path := range storageFiles(h) {
		var conf storageConf
		before := len(c.Files)
		if err := c.decode(path, &conf); err != nil {
			return err
		}
		if len(c.Files) == before {
			continue
		}
		program := conf.Storage.Options.Overlay.MountProgram
		if program == "" {
			program = conf.Storage.Options.MountProgram
		}
		if program == "" {
			return nil
		}
		folded, err := mountProgram(program)
		if err != nil {
			return errs.Invalidf("%s: mount_program = %q: want the absolute path of a program", path, program)
		}
		if filepath.Base(folded) == "fuse-overlayfs" && strings.HasPrefix(folded, "/usr/") {
			// The distribution's; that it is in the file says that it is wanted, not where it lies.
			folded = "fuse-overlayfs"
		}
		c.MountProgram = folded
		return nil
	}
	return nil
}

// decode reads one file over what is in conf. A file that is not there is none.
func (c *Config) decode(path string, conf any) error {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission) && !strings.Contains(path, ".config"):
		return nil
	case err != nil:
		return fmt.Errorf("configuration: %w", err)
	}
	c.Files = append(c.Files, path)
	data = withoutComments(data)
	if len(data) == 0 {
		return nil
	}
	err = decodeText(data, conf)
	var parse toml.ParseError
	switch {
	case errors.As(err, &parse):
		return errs.Invalidf("configuration %s: line %d: %s", path, parse.Position.Line, parse.Message)
	case err != nil:
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

func decodeText(data []byte, conf any) error {
	_, err := toml.Decode(string(data), conf)
	return err
}

// withoutComments empties the comment lines of a TOML file and keeps its line numbers: the
// shipped files are 600 lines of comments, which cost more to parse than all else that a
// start reads. It returns nothing where nothing is left.
func withoutComments(data []byte) []byte {
	if bytes.Contains(data, []byte(`"""`)) || bytes.Contains(data, []byte("'''")) {
		return data // a line of a multi-line string may begin with #
	}
	out := make([]byte, 0, 1024)
	for line := range bytes.Lines(data) {
		if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' {
			out = append(out, line...)
			continue
		}
		out = append(out, '\n')
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return nil
	}
	return out
}

// settings is conf in the form that Config shows.
func (conf *containersConf) settings() Containers {
	c := &conf.Containers
	return Containers{
		Annotations: c.Annotations, Capabilities: c.Capabilities, Cgroups: c.Cgroups,
		Sysctls: c.Sysctls, Ulimits: c.Ulimits, Devices: c.Devices,
		Env: c.Env, EnvHost: c.EnvHost, HTTPProxy: c.HTTPProxy, Init: c.Init,
		CgroupNS: c.CgroupNS, IPCNS: c.IPCNS, PIDNS: c.PIDNS, UTSNS: c.UTSNS, UserNS: c.UserNS,
		Network: c.Netns, NetworkCommand: conf.Network.Command,
		DefaultNetwork: conf.Network.Name, DefaultSubnet: conf.Network.Subnet, SubnetPools: conf.Network.Pools,
		PastaOptions: conf.Network.PastaOptions, Slirp4netnsOptions: conf.Engine.NetworkOptions,
		DNSServers: c.DNSServers, DNSSearches: c.DNSSearches, DNSOptions: c.DNSOptions,
		BaseHostsFile: c.BaseHostsFile, HostContainersIP: c.HostContainers, NoHosts: c.NoHosts, NoHostname: c.NoHostname,
		OOMScoreAdj: c.OOMScoreAdj, PIDsLimit: c.PIDsLimit, PullPolicy: conf.Engine.PullPolicy,
		ReadOnly: c.ReadOnly, SeccompProfile: c.SeccompProfile, ShmSize: c.ShmSize,
		StopTimeout: conf.Engine.StopTimeout, TZ: c.TZ, Umask: c.Umask,
		Volumes: c.Volumes, Mounts: c.Mounts, HelperDirs: conf.Engine.HelperDirs,
		LogDriver: c.LogDriver, LogSizeMax: c.LogSizeMax, LogTag: c.LogTag, DetachKeys: conf.Engine.DetachKeys,
	}
}
