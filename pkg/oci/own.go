package oci

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/wire"
)

// ownRequest is what msgOwn says: a user and a group of the container.
type ownRequest struct{ uid, gid uint32 }

func (r *ownRequest) fields(c *wire.Coder) {
	wire.Number(c, &r.uid)
	wire.Number(c, &r.gid)
}

// askToOwn has the parent give a tree to the container's user: what belongs to somebody who has
// no number in a user namespace cannot be given away from within.
func (c *child) askToOwn(tree int) error {
	message := wire.NewWriter([]byte{msgOwn})
	(&ownRequest{c.who.uid, c.who.gid}).fields(message)
	fd, err := unix.FcntlInt(uintptr(tree), unix.F_DUPFD_CLOEXEC, firstExtra)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "tree")
	defer file.Close()
	if err := linux.Send(c.sock, message.Bytes(), file); err != nil {
		return err
	}
	answer, _, err := linux.Receive(c.sock, maxMessage)
	if err == nil && answer[0] != msgOwn {
		err = decodeFailure(answer[1:])
	}
	return err
}

// own is the other side of askToOwn.
func (p *Process) own(data []byte, files []*os.File) {
	err := p.ownTree(data, files)
	for _, f := range files {
		_ = f.Close()
	}
	answer := []byte{msgOwn}
	if err != nil {
		answer = encodeFailure(err)
	}
	_ = linux.Send(p.sock, answer) // that a child is gone is noticed by the next receive
}

func (p *Process) ownTree(data []byte, files []*os.File) error {
	var r ownRequest
	in := wire.NewReader(data)
	r.fields(in)
	if err := in.Err(); err != nil || len(files) != 1 {
		return errors.Join(err, fmt.Errorf("change owner: %d trees came", len(files)))
	}
	uid, hasUID := outside(p.uids, r.uid)
	gid, hasGID := outside(p.gids, r.gid)
	if !hasUID || !hasGID {
		return fmt.Errorf("the container's user namespace has no such id: %w", errs.ErrInvalid)
	}
	return chownTree(int(files[0].Fd()), int(uid), int(gid))
}

// outside is the number that an id of a nested user namespace has in the caller's.
func outside(maps []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID, true
		}
	}
	return 0, false
}
