package config

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Flags are rc's global flags as given; "" and nil are not given.
type Flags struct {
	Root          string
	RunRoot       string
	TmpDir        string
	StorageDriver string
	StorageOpts   []string
	CgroupManager string
	CDISpecDirs   []string
	HooksDirs     []string
	Modules       []string // of containers.conf
	LogLevel      string
	Debug         bool
}

// LogLevels are the words of --log-level.
func LogLevels() []string {
	return []string{"trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"}
}

// CgroupManagers are the words of --cgroup-manager.
func CgroupManagers() []string { return []string{"systemd", "cgroupfs"} }

// host is what Load asks the machine; tests have another.
type host struct {
	getenv  func(string) string
	uid     int
	etc     string   // /etc/containers
	share   string   // /usr/share/containers
	cdi     []string // /etc/cdi and /var/run/cdi
	runUser string   // /run/user
	tmp     string   // /tmp
}

// Load decides every setting: flags before environment before containers.conf and
// storage.conf before defaults. It reads files and, where there is no runtime directory
// for the user, makes one under /tmp; it creates nothing else.
func Load(flags Flags) (*Config, error) {
	return load(flags, realHost())
}

func realHost() host {
	return host{
		getenv: os.Getenv, uid: os.Getuid(),
		etc: "/etc/containers", share: "/usr/share/containers", cdi: []string{"/etc/cdi", "/var/run/cdi"}, runUser: "/run/user", tmp: "/tmp",
	}
}

func load(flags Flags, h host) (*Config, error) {
	cfg := &Config{
		StorageDriver: "overlay", MountProgram: "auto", CgroupManager: "systemd", LogLevel: "warn",
		Debug: flags.Debug,
	}
	if flags.StorageDriver != "" && flags.StorageDriver != "overlay" {
		return nil, errs.Unsupportedf("--storage-driver %q: overlay is the only one", flags.StorageDriver)
	}
	if err := cfg.readFiles(flags, h); err != nil {
		return nil, err
	}
	if err := cfg.apply(flags); err != nil {
		return nil, err
	}
	return cfg, cfg.paths(flags, h)
}

// apply lays the flags that are no paths over what the files said.
func (c *Config) apply(flags Flags) error {
	if flags.CgroupManager != "" {
		c.CgroupManager = flags.CgroupManager
	}
	if !slices.Contains(CgroupManagers(), c.CgroupManager) {
		return errs.Invalidf("--cgroup-manager %q: want systemd or cgroupfs", c.CgroupManager)
	}
	if flags.LogLevel != "" {
		c.LogLevel = strings.ToLower(flags.LogLevel)
	}
	if flags.Debug {
		c.LogLevel = "debug"
	}
	if !slices.Contains(LogLevels(), c.LogLevel) {
		return errs.Invalidf("--log-level %q: want %s%s", flags.LogLevel, strings.Join(LogLevels(), ", "), spec.Meant(c.LogLevel, LogLevels()))
	}
	for _, option := range flags.StorageOpts {
		key, value, found := strings.Cut(option, "=")
		if key != "mount_program" && key != "overlay.mount_program" {
			return errs.Invalidf("--storage-opt %q: unknown option: want mount_program=auto|native|fuse-overlayfs", option)
		}
		program, err := mountProgram(value)
		if !found || err != nil {
			return errs.Invalidf("--storage-opt %q: want mount_program=auto|native|fuse-overlayfs, or the absolute path of a program", option)
		}
		c.MountProgram = program
	}
	return nil
}

// mountProgram folds the spellings of a mount program. An absolute path of what is called
// fuse-overlayfs is kept, since it says which one.
func mountProgram(value string) (string, error) {
	switch value {
	case "auto", "native", "fuse-overlayfs":
		return value, nil
	}
	if !filepath.IsAbs(value) {
		return "", errs.ErrInvalid
	}
	return filepath.Clean(value), nil
}

// paths decides the directories.
func (c *Config) paths(flags Flags, h host) error {
	var err error
	switch {
	case flags.Root != "":
		c.DataRoot, err = filepath.Abs(flags.Root)
	case filepath.IsAbs(h.getenv("XDG_DATA_HOME")): // a relative one is to be ignored, says the XDG specification
		c.DataRoot = filepath.Join(h.getenv("XDG_DATA_HOME"), "rc")
	default:
		var home string
		home, err = h.home()
		c.DataRoot = filepath.Join(home, ".local/share/rc")
	}
	if err != nil {
		return fmt.Errorf("--root: %w", err)
	}
	if flags.RunRoot != "" {
		if c.RunRoot, err = filepath.Abs(flags.RunRoot); err != nil {
			return fmt.Errorf("--runroot: %w", err)
		}
	} else {
		dir, err := h.runtimeDir()
		if err != nil {
			return err
		}
		c.RunRoot = filepath.Join(dir, "rc")
	}
	if err := c.specDirs(flags, h); err != nil {
		return err
	}
	c.TmpDir = "/var/tmp"
	if dir := h.getenv("TMPDIR"); filepath.IsAbs(dir) {
		c.TmpDir = filepath.Clean(dir)
	}
	if flags.TmpDir != "" {
		if c.TmpDir, err = filepath.Abs(flags.TmpDir); err != nil {
			return fmt.Errorf("--tmpdir: %w", err)
		}
	}
	return nil
}

// specDirs decides where specifications of devices and hooks are; what the files say is in c.
func (c *Config) specDirs(flags Flags, h host) error {
	if len(c.CDISpecDirs) == 0 {
		c.CDISpecDirs = append(c.CDISpecDirs, h.cdi...)
		if home := h.configHome(); home != "" {
			c.CDISpecDirs = append(c.CDISpecDirs, filepath.Join(filepath.Dir(home), "cdi"))
		}
		if dir := h.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
			c.CDISpecDirs = append(c.CDISpecDirs, filepath.Join(dir, "cdi"))
		}
	}
	if home := h.configHome(); home != "" {
		c.MountsFiles = append(c.MountsFiles, home+"/mounts.conf")
	}
	c.MountsFiles = append(c.MountsFiles, h.etc+"/mounts.conf", h.share+"/mounts.conf")
	if len(c.HooksDirs) == 0 {
		c.HooksDirs = []string{h.share + "/oci/hooks.d", h.etc + "/oci/hooks.d"}
	}
	for _, f := range []struct {
		flag  string
		given []string
		to    *[]string
	}{{"--cdi-spec-dir", flags.CDISpecDirs, &c.CDISpecDirs}, {"--hooks-dir", flags.HooksDirs, &c.HooksDirs}} {
		if len(f.given) == 0 {
			continue
		}
		*f.to = nil
		for _, dir := range f.given {
			path, err := filepath.Abs(dir)
			if err != nil {
				return fmt.Errorf("%s: %w", f.flag, err)
			}
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				return errs.Invalidf("%s %q: not a directory that is there", f.flag, dir)
			}
			*f.to = append(*f.to, path)
		}
	}
	return nil
}

// home is $HOME, else what passwd(5) says: cron and su may leave it unset.
func (h host) home() (string, error) {
	if dir := h.getenv("HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	u, err := user.LookupId(strconv.Itoa(h.uid))
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		return "", errs.WithHint(fmt.Errorf("home directory of uid %d: %w", h.uid, errs.ErrNotFound), "set HOME")
	}
	return u.HomeDir, nil
}

// configHome is $XDG_CONFIG_HOME/containers, "" where there is no home.
func (h host) configHome() string {
	if dir := h.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "containers")
	}
	home, err := h.home()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config/containers")
}
