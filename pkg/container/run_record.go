package container

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/shim"
)

// take reserves the name and the directories of a new container.
func (r *run) take() error {
	var err error
	r.dir, err = r.records().Create(r.c.ID, r.c.Name)
	for try := 0; r.c.Name != "" && r.opts.Name == "" && errors.Is(err, errs.ErrExists) && try < 10; try++ {
		r.c.Name = r.records().GenerateName()
		r.dir, err = r.records().Create(r.c.ID, r.c.Name)
	}
	return err
}

// record makes the container exist on disk; its image can be deleted no more. Its command
// runs only after that.
func (r *run) record() error {
	if r.step != nil {
		return nil
	}
	if err := r.dir.WriteContainer(r.c); err != nil {
		return err
	}
	if r.image.Release != nil {
		r.image.Release()
	}
	r.held.Release()
	if r.c.CIDFile == "" {
		return nil
	}
	// Exclusive: whoever reads the file shall find the container that he asked for.
	f, err := os.OpenFile(r.c.CIDFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("--cidfile: %w", err)
	}
	_, err = f.WriteString(r.c.ID)
	return errors.Join(err, f.Close())
}

// makeDirectories makes what the shim mounts: the root, overlays of -v …:O, and secrets.
func (r *run) makeDirectories(overlays []shim.Overlay) error {
	if r.step != nil {
		if r.c.Rootfs.Upper == "" {
			if err := shim.MakeUpper(r.dir.Path()); err != nil {
				return err
			}
		}
		return r.step.makeDirectories(r.dir.Path(), overlays)
	}
	if r.c.Rootfs.Path == "" || r.c.Rootfs.Overlay {
		if err := shim.MakeUpper(r.dir.Path()); err != nil {
			return err
		}
	}
	if err := r.writeAccounts(); err != nil {
		return err
	}
	for _, o := range overlays {
		if err := o.Make(); err != nil {
			return err
		}
	}
	if err := linkSecrets(r.cfg, r.dir.Path(), r.c.Secrets); err != nil {
		return err
	}
	return nil
}

// abandon takes back all that launch made; what the shim has to do with it, the shim does.
func (r *run) abandon(ctx context.Context) error {
	r.place.Finish()
	r.ports.Release()
	r.bridges.close()
	if r.client != nil {
		r.client.Shutdown()
	}
	if r.shim != nil {
		if !r.told {
			_ = r.shim.Signal(unix.SIGKILL) // it has done nothing yet that it would take back
		}
		if gone, err := linux.PidfdWait(r.shim.Pidfd, int(patience.Milliseconds())); err != nil || !gone {
			_ = r.shim.Signal(unix.SIGKILL)
		}
		_, _ = r.shim.Wait() // its code says what the message said
	}
	if r.place != nil {
		r.place.Discard(ctx)
	}
	if r.dir == nil {
		return r.records().LeaveNetworks(r.c.ID)
	}
	if r.old {
		return errors.Join(os.RemoveAll(r.dir.RunPath()), r.records().LeaveNetworks(r.c.ID), r.dir.Close())
	}
	if r.c.CIDFile != "" {
		_ = os.Remove(r.c.CIDFile)
	}
	err := errors.Join(r.dir.Discard(), r.held.Discard(r.records().VolumeUnused))
	return errors.Join(err, lifecycle.EmptyTrash(ctx, r.cfg, 0))
}
