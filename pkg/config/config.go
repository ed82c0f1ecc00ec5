package config

// Config is what one call of rc works with: paths and settings, each already decided.
// It is made once by Load and read by everyone; nobody changes it.
type Config struct {
	// DataRoot holds what must survive a reboot: --root, else $XDG_DATA_HOME/rc.
	DataRoot string
	// RunRoot is gone after a reboot: --runroot, else $XDG_RUNTIME_DIR/rc (see Load).
	RunRoot string
	// TmpDir is for large temporary files: --tmpdir, else $TMPDIR, else /var/tmp.
	TmpDir string
	// StorageDriver is overlay, the only one.
	StorageDriver string
	// MountProgram is auto, native or fuse-overlayfs (--storage-opt mount_program=).
	MountProgram string
	// CgroupManager is systemd or cgroupfs.
	CgroupManager string
	// LogLevel is debug, info, warn, error, …; Debug also times each stage of the call.
	LogLevel string
	Debug    bool
}

// StorageRoot is the image store's directory.
func (c *Config) StorageRoot() string { return c.DataRoot + "/storage" }

// StorageRunRoot is the image store's runtime directory.
func (c *Config) StorageRunRoot() string { return c.RunRoot + "/storage" }

// IndexPath is the image index that the run path reads.
func (c *Config) IndexPath() string { return c.DataRoot + "/index.json" }
