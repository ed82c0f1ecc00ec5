package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
)

// mounts adds what RUN --mount says to a step.
type mounts struct {
	runner *Runner
	step   *container.Step
	run    build.Run

	agents []*agentSocket
}

// add adds all of them.
func (m *mounts) add(ctx context.Context) error {
	// The caller's own are other steps', too.
	m.step.Options.Mounts = slices.Clip(m.step.Options.Mounts)
	for i, mount := range m.run.Mounts {
		var err error
		switch mount.Type {
		case "bind":
			err = m.bind(i, mount)
		case "tmpfs":
			m.put(tmpfs(mount))
		case "secret":
			err = m.secret(mount)
		case "ssh":
			err = m.ssh(ctx, i, mount)
		default:
			err = errs.Invalidf("type %q: want bind, tmpfs, secret or ssh", mount.Type)
		}
		if err != nil {
			return fmt.Errorf("RUN --mount=type=%s: %w", mount.Type, err)
		}
	}
	return nil
}

// close takes away what was made for the mounts.
func (m *mounts) close() error {
	for _, a := range m.agents {
		a.close()
	}
	return os.RemoveAll(filepath.Join(m.runner.steps.Dir(), strconv.Itoa(m.run.ID)))
}

func (m *mounts) put(mount specs.Mount) {
	m.step.Options.Mounts = append(m.step.Options.Mounts, mount)
}

// plainOptions are those of rc run's volumes.
func plainOptions() []string { return []string{"rbind", "rprivate", "nosuid", "nodev"} }

// bind shows a directory or a file of the host, or what lies in other layers. What is written is thrown away, unless the mount is a cache.
func (m *mounts) bind(n int, mount build.Mount) error {
	out := specs.Mount{Type: "bind", Source: mount.Source, Destination: mount.Target, Options: plainOptions()}
	if mount.ReadOnly {
		out.Options = append(out.Options, "ro")
	}
	if len(mount.Lower) > 0 {
		m.layers(n, mount, out)
		return nil
	}
	if mount.ReadOnly || mount.Keep {
		m.put(out)
		return nil
	}
	info, err := os.Stat(mount.Source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		out.Options = append(out.Options, spec.OptOverlay)
		m.put(out)
		return nil
	}
	// There are no overlays of files.
	if out.Source, err = m.copy(n, mount.Source, info); err != nil {
		return err
	}
	m.put(out)
	return nil
}

// layers mounts a path of layers that are not the step's.
func (m *mounts) layers(n int, mount build.Mount, out specs.Mount) {
	name := "layers " + strconv.Itoa(n) // no name of an image
	i := create.Image{Image: spec.Image{ID: name}, Rootfs: spec.Rootfs{Lower: mount.Lower}}
	if m.run.FuseOnly {
		i.Rootfs.MountProgram = overlay.Fuse
	}
	if m.step.Images == nil {
		m.step.Images = map[string]create.Image{}
	}
	m.step.Images[name] = i
	out.Type, out.Source = spec.TypeImage, name
	if p := path.Clean("/" + mount.Path); p != "/" {
		out.Options = append(out.Options, spec.OptSubpath+p[1:])
	}
	m.put(out)
}

// copy makes a copy of a file that the step may write to.
func (m *mounts) copy(n int, source string, info os.FileInfo) (string, error) {
	dir, err := m.dir()
	if err != nil {
		return "", err
	}
	in, err := os.Open(source)
	if err != nil {
		return "", err
	}
	defer in.Close()
	name := filepath.Join(dir, "file-"+strconv.Itoa(n))
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return name, errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close())
}

// dir is a directory of the user's that lives as long as the step.
func (m *mounts) dir() (string, error) {
	dir := filepath.Join(m.runner.steps.Dir(), strconv.Itoa(m.run.ID))
	return dir, os.MkdirAll(dir, 0o700)
}

// tmpfs is empty, whatever is on the path in the image.
func tmpfs(mount build.Mount) specs.Mount {
	options := []string{"rprivate", "nosuid", "nodev", "mode=1777"}
	if mount.Size > 0 {
		options = append(options, "size="+strconv.FormatInt(mount.Size, 10))
	}
	if mount.ReadOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: mount.Target, Options: options}
}
