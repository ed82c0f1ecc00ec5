package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/sirupsen/logrus"
	storage "go.podman.io/storage"
	"go.podman.io/storage/types"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/layer"
)

// Store is the opened image store. Close it.
type Store struct {
	cfg   *config.Config
	lib   storage.Store
	ids   idMap
	dotWh bool
	pulls *index.Lock
	boot  string // the kernel's id of this boot
	// Notices are what the user should know: that something was damaged.
	Notices []string

	mu    sync.Mutex  // of what follows
	stage string      // this process's directory for staged layers, "" until needed
	lock  *index.Lock // of that directory
}

// Open opens the store, makes it where there is none, and cleans up after processes that were killed.
// The caller is uid 0 of the default map.
func Open(ctx context.Context, cfg *config.Config) (*Store, error) {
	ids, err := ownMap()
	if err != nil {
		return nil, err
	}
	root := cfg.StorageRoot()
	if err := prepare(cfg, ids); err != nil {
		return nil, err
	}
	pulls, err := index.Flock(ctx, filepath.Join(root, "pulls.lock"), unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, ids: ids, pulls: pulls, dotWh: !layer.Native(root), boot: bootID()}
	opts := types.StoreOptions{
		RunRoot: cfg.StorageRunRoot(), GraphRoot: root, GraphDriverName: "overlay",
		GraphDriverOptions: driverOptions(root),
	}
	if err := presetFeatures(cfg); err != nil {
		pulls.Release()
		return nil, err
	}
	// The library tells of its doings on standard error; rc reports errors itself.
	logrus.SetLevel(logrus.ErrorLevel)
	if cfg.Debug {
		logrus.SetLevel(logrus.DebugLevel)
	}
	// Ids are never shifted here. Asked whether it could, the library forks a process that waits
	// to be killed: should this process be killed first, that one would hold the locks for ever.
	if err := os.Setenv("_CONTAINERS_OVERLAY_DISABLE_IDMAP", "yes"); err != nil {
		pulls.Release()
		return nil, err
	}
	if err := s.load(ctx, opts); err != nil {
		s.Close()
		return nil, fmt.Errorf("open the image store in %q: %w", root, err)
	}
	if err := errors.Join(s.sweepStaging(ctx), s.ageParts()); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// load has the library read its lists, which are mended where it cannot.
func (s *Store) load(ctx context.Context, opts types.StoreOptions) error {
	err := s.mend(ctx, false)
	if err == nil {
		err = s.read(opts)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if mendErr := s.mend(ctx, true); mendErr != nil || len(s.Notices) == 0 {
		return errors.Join(err, mendErr)
	}
	return s.read(opts)
}

func (s *Store) read(opts types.StoreOptions) (err error) {
	if s.lib != nil {
		s.lib.Free()
		s.lib = nil
	}
	if s.lib, err = storage.GetStore(opts); err != nil {
		return err
	}
	_, err = s.lib.Layers()
	if err == nil {
		_, err = s.lib.Images()
	}
	return err
}

// Close releases the store; what was staged and not committed is deleted.
func (s *Store) Close() {
	s.dropStaging()
	s.pulls.Release()
	if s.lib != nil {
		s.lib.Free()
	}
}

// prepare makes the directories and refuses file systems that cannot hold a store.
func prepare(cfg *config.Config, ids idMap) error {
	root := cfg.StorageRoot()
	for _, dir := range []string{root, cfg.StorageRunRoot()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the image store: %w", err)
		}
	}
	if err := checkFileSystem(root, ids); err != nil {
		return err
	}
	return ids.record(filepath.Join(root, "idmap.json"))
}

// network are file systems whose server decides on owners: it knows nothing of our user
// namespace, and refuses to give files to subordinate ids (magic numbers of statfs(2)).
func network(magic int64) string {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.CODA_SUPER_MAGIC:
		return "Coda"
	}
	return ""
}

// checkFileSystem finds out early, by doing it, whether files can belong to others here.
func checkFileSystem(root string, ids idMap) error {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return fmt.Errorf("statfs %q: %w", root, err)
	}
	if ids.single() {
		return nil
	}
	probe := filepath.Join(root, fmt.Sprintf(".owner-%d", os.Getpid()))
	f, err := os.OpenFile(probe, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the image store: %w", err)
	}
	defer func() { _ = os.Remove(probe) }()
	err = f.Chown(1, 1)
	f.Close()
	if err == nil {
		return nil
	}
	where := "this file system"
	if name := network(st.Type); name != "" {
		where = name
	}
	return errs.WithHint(fmt.Errorf("make the image store in %q: %w: %s does not let files belong to subordinate ids: %w",
		root, errs.ErrUnsupported, where, err),
		"keep images on a local disk: rc --root /var/tmp/rc-$(id -u) …, or set XDG_DATA_HOME")
}

// driverOptions keep the library's hands off mounts. It refuses some file systems unless a
// mount program is named; since it never mounts for us, any program will do then.
func driverOptions(root string) []string {
	opts := []string{"overlay.skip_mount_home=true"}
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return opts
	}
	const aufs = 0x61756673
	switch st.Type {
	case unix.OVERLAYFS_SUPER_MAGIC, unix.ECRYPTFS_SUPER_MAGIC, aufs:
	default:
		if network(st.Type) == "" {
			return opts
		}
	}
	program, err := exec.LookPath("fuse-overlayfs")
	if err != nil {
		program = "/proc/self/exe"
	}
	return append(opts, "overlay.mount_program="+program)
}

// presetFeatures answers, before the library asks, what it would find out by mounting
// overlays for 90 ms on every first call after boot. It uses neither answer for what it
// does here: unpacking is ours, and so is mounting. (drivers/overlay/overlay.go,
// cachedFeatureCheck: a file NAME-true or NAME-false in the runtime directory.)
func presetFeatures(cfg *config.Config) error {
	dir := filepath.Join(cfg.StorageRunRoot(), "overlay")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the image store: %w", err)
	}
	for _, name := range []string{"overlay-true", "metacopy()-false"} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			return fmt.Errorf("make the image store: %w", err)
		}
		f.Close()
	}
	home := filepath.Join(cfg.StorageRoot(), "overlay")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("make the image store: %w", err)
	}
	flag := filepath.Join(home, ".has-mount-program")
	if _, err := os.Lstat(flag); errors.Is(err, os.ErrNotExist) {
		return os.WriteFile(flag, []byte("false"), 0o600)
	}
	return nil
}
