package shim

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/wire"
)

// Fill is a volume that no container has used, as far as rc knows: the shim fills it with what
// the root has at Target, or only notes that it is used where Copy is not set.
type Fill struct {
	Volume, Target string
	Copy           bool
}

// Part is what lies below a directory that may have anything in it: it is looked up with the
// directory as root. The order calls it Key.
type Part struct {
	Key, Path, Subpath string
	Recursive          bool
}

// User is who the container's command runs as: a name to be looked up, or numbers.
type User struct {
	Name     string
	UID, GID uint32
}

func (f *Fill) fields(c *wire.Coder) {
	c.Text(&f.Volume)
	c.Text(&f.Target)
	c.Flag(&f.Copy)
}

func (p *Part) fields(c *wire.Coder) {
	c.Text(&p.Key)
	c.Text(&p.Path)
	c.Text(&p.Subpath)
	c.Flag(&p.Recursive)
}

func (u *User) fields(c *wire.Coder) {
	c.Text(&u.Name)
	wire.Number(c, &u.UID)
	wire.Number(c, &u.GID)
}

// volumes is where the volumes of a plan are.
func (p *Plan) volumes() volume.Root { return volume.Root{Data: p.Records.Data, Run: p.Records.Run} }

// fillVolumes fills the volumes that need it from the mounted root.
func (s *server) fillVolumes() error {
	if len(s.plan.Fills) == 0 {
		return nil
	}
	root, err := os.OpenFile(s.plan.Root(), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("root filesystem: %w", err)
	}
	defer root.Close()
	for _, f := range s.plan.Fills {
		filling := FillFrom(root, f, func() (int, int, error) { return s.plan.owner(int(root.Fd())) })
		filling.Durable = !s.plan.Remove
		if err := s.plan.volumes().Fill(f.Volume, filling); err != nil {
			return err
		}
	}
	return nil
}

// FillFrom is how a volume is filled from a root filesystem. Where that has nothing at the
// volume's place, the volume becomes the user's.
func FillFrom(root *os.File, f Fill, user func() (uid, gid int, err error)) volume.Filling {
	if !f.Copy {
		return volume.Filling{}
	}
	found := false
	return volume.Filling{
		Copy: func(dir string) error {
			from, err := linux.OpenInRoot(int(root.Fd()), f.Target, unix.O_PATH|unix.O_DIRECTORY)
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
				return nil
			}
			if err != nil {
				return err
			}
			defer unix.Close(from)
			found = true
			return oci.CopyUp(dir, from)
		},
		Owner: func() (int, int, error) {
			if found {
				return -1, -1, nil
			}
			return user()
		},
	}
}

// owner is the container's user as what is on disk calls it; nobody where the image does not
// know the user, which the first process will say.
func (p *Plan) owner(root int) (uid, gid int, err error) {
	u := p.User
	if u.Name != "" {
		var err error
		if u.UID, u.GID, err = oci.Account(root, u.Name); err != nil {
			return -1, -1, nil //nolint:nilerr // see above
		}
	}
	return onDisk(p.UIDs, u.UID), onDisk(p.GIDs, u.GID), nil
}

// onDisk is the shim's number for an id of the container; -1 where it has none.
func onDisk(ids []specs.LinuxIDMapping, id uint32) int {
	if len(ids) == 0 {
		return int(id)
	}
	for _, m := range ids {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + id - m.ContainerID)
		}
	}
	return -1
}

// Open makes a detached copy of the part.
func (p *Part) Open() (*os.File, error) {
	mount, err := p.clone()
	if err != nil {
		return nil, fmt.Errorf("subpath %q of %q: %w", p.Subpath, p.Path, err)
	}
	return os.NewFile(uintptr(mount), p.Key), nil
}

func (p *Part) clone() (int, error) {
	dir, err := unix.Open(p.Path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	found, err := linux.OpenInRoot(dir, p.Subpath, unix.O_PATH)
	if err != nil {
		return -1, err
	}
	defer unix.Close(found)
	return linux.CloneTree(found, "", p.Recursive)
}

// dropVolumes takes away the anonymous volumes of a container that goes, unless another one
// has them, too: of --volumes-from.
func (s *server) dropVolumes() {
	if len(s.plan.Anonymous) == 0 || !s.discarded {
		return
	}
	root := s.plan.Records
	for _, name := range s.plan.Anonymous {
		// Where somebody is about to use it, or the records cannot be read, it stays: rc volume prune finds it.
		trashed, err := s.plan.volumes().Remove(name, func() error { return root.VolumeUnused(name) })
		if err == nil {
			s.dropped = append(s.dropped, trashed)
		}
	}
}
