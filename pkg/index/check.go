package index

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
)

// State identifies what the store holds at one moment. It is taken before an index is
// built and given to Write: a change meanwhile makes the index stale at once.
type State struct{ check check }

// Current is the store's state now.
func Current(cfg *config.Config) (State, error) {
	c, err := current(cfg.StorageRoot())
	return State{c}, err
}

// Equal says whether nothing has been written between the two.
func (s State) Equal(t State) bool { return s.check.equal(t.check) }

func current(storage string) (check, error) {
	var c check
	for _, kind := range []struct {
		name string
		id   *string
	}{{"images", &c.Images}, {"layers", &c.Layers}} {
		dir := filepath.Join(storage, "overlay-"+kind.name)
		id, err := locks.read(filepath.Join(dir, kind.name+".lock"))
		if err != nil {
			return check{}, fmt.Errorf("read the image store's state: %w", err)
		}
		*kind.id = hex.EncodeToString(id)
		f, err := identify(filepath.Join(dir, kind.name+".json"))
		if err != nil {
			return check{}, err
		}
		c.Files = append(c.Files, f)
	}
	return c, nil
}

// identify is a zero file for one that does not exist: a store without any image.
func identify(path string) (file, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if errors.Is(err, unix.ENOENT) {
		return file{}, nil
	}
	if err != nil {
		return file{}, fmt.Errorf("stat %s: %w", path, err)
	}
	return file{Inode: st.Ino, Size: st.Size, MTime: st.Mtim.Nano()}, nil
}
