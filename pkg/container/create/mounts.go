package create

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Files of the runtime directory that are shown in the container.
const (
	fileHosts        = "hosts"
	fileResolvConf   = "resolv.conf"
	fileHostname     = "hostname"
	fileContainerEnv = ".containerenv"
)

// mounts lays the user's mounts over the image's volumes over the defaults: the stronger
// one has the destination. Parents come before what lies in them.
func (d *draft) mounts() error {
	user, err := d.userMounts()
	if err != nil {
		return err
	}
	from, err := d.volumesFrom(user)
	if err != nil {
		return err
	}
	user = append(user, from...)
	volumes, err := d.imageVolumes(user)
	if err != nil {
		return err
	}
	strong := append(user, volumes...)
	list, err := d.defaultMounts()
	if err != nil {
		return err
	}
	if d.c.OCI.Root.Readonly {
		d.readOnly(&list)
	}
	if d.systemdPID1 {
		own := d.systemdMounts()
		list = slices.DeleteFunc(list, func(m specs.Mount) bool { return mountedOn(own, m.Destination) })
		list = append(list, own...)
	}
	list = append(list, d.ownFiles(strong)...)
	zone, err := d.timezone()
	if err != nil {
		return err
	}
	list = append(list, zone...)
	ownDev := mountedOn(strong, "/dev")
	list = slices.DeleteFunc(list, func(m specs.Mount) bool {
		// Whoever brings his own /dev has in it what he wants: podman's rule.
		return mountedOn(strong, m.Destination) || ownDev && strings.HasPrefix(m.Destination, "/dev/")
	})
	list = append(list, strong...)
	devices, err := d.devices(list)
	if err != nil {
		return err
	}
	list = append(list, devices...)
	slices.SortStableFunc(list, func(a, b specs.Mount) int {
		return strings.Count(a.Destination, "/") - strings.Count(b.Destination, "/")
	})
	d.c.OCI.Mounts = list
	return nil
}

func mountedOn(mounts []specs.Mount, destination string) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool { return m.Destination == destination })
}

// bindOn tells whether something of the host is on a destination.
func bindOn(mounts []specs.Mount, destination string) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool { return m.Destination == destination && m.Type == "bind" })
}

// defaultMounts are /proc, /dev, /sys and what is in them.
func (d *draft) defaultMounts() ([]specs.Mount, error) {
	size := d.opts.ShmSize
	if text := d.env.Config.Containers.ShmSize; text != "" && size == 0 {
		parsed, err := parse.Size(text)
		if err != nil {
			return nil, fmt.Errorf("containers.conf: shm_size: %w", err)
		}
		size = parsed
	}
	return oci.DefaultMounts(oci.MountOptions{
		ShmSize:        size,
		NoSHM:          d.noShm,
		IPCHost:        !d.private(specs.IPCNamespace),
		Privileged:     d.opts.Privileged,
		CgroupWritable: d.systemdPID1,
		ProcOptions:    d.opts.Security.ProcOptions,
	}), nil
}

// readOnly makes the root read-only and puts tmpfs where programs expect to write; with
// --read-only-tmpfs=false there is nowhere to write at all.
func (d *draft) readOnly(list *[]specs.Mount) {
	if !d.opts.ReadOnlyTmpfs {
		for i, m := range *list {
			if (m.Destination == "/dev" || m.Destination == "/dev/shm") && m.Type == "tmpfs" {
				(*list)[i].Options = append(slices.Clone(m.Options), "ro")
			}
		}
		return
	}
	for _, destination := range []string{"/run", "/tmp", "/var/tmp"} {
		options := []string{"rprivate", "nosuid", "nodev", "rw"}
		if destination != "/run" {
			options = append(options, "mode=1777")
		}
		*list = append(*list, specs.Mount{
			Type: "tmpfs", Source: "tmpfs", Destination: destination,
			Options: append(options, spec.OptTmpCopyUp),
		})
	}
}

// ownFiles are the files that rc writes for each container. They are left out where the
// user mounts a directory of the host over theirs: they would be created in it. As in
// docker, they are writable where the root is. The files about names are in --chrootdirs, too.
func (d *draft) ownFiles(strong []specs.Mount) []specs.Mount {
	var out []specs.Mount
	options := []string{"bind", "rprivate", "nosuid", "nodev", "noexec"}
	if d.c.OCI.Root.Readonly {
		options = append(options, "ro")
	}
	for _, file := range []struct{ destination, name string }{
		{"/etc/hosts", fileHosts},
		{"/etc/resolv.conf", fileResolvConf},
		{"/etc/hostname", fileHostname},
		{"/run/.containerenv", fileContainerEnv},
	} {
		if d.withoutFile(file.name) {
			continue
		}
		roots := []string{"/"}
		if file.name != fileContainerEnv {
			roots = append(roots, d.opts.ChrootDirs...)
		}
		for _, root := range roots {
			destination := filepath.Join(root, file.destination)
			if keptOn(strong, filepath.Dir(destination)) {
				continue
			}
			out = append(out, specs.Mount{
				Type: "bind", Source: filepath.Join(d.fileDir(file.name), file.name), Destination: destination,
				Options: slices.Clone(options),
			})
		}
	}
	return out
}

// keptOn tells whether what is made in a directory would stay after the container: it is, or lies in, one of the
// host's or of a volume.
func keptOn(mounts []specs.Mount, dir string) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool {
		return (m.Type == "bind" || m.Type == spec.TypeVolume) &&
			(dir == m.Destination || strings.HasPrefix(dir, strings.TrimSuffix(m.Destination, "/")+"/"))
	})
}

// timezone shows the host's description of a time zone as the container's own.
func (d *draft) timezone() ([]specs.Mount, error) {
	name, from := d.opts.TZ, "--tz"
	if name == "" {
		name, from = d.env.Config.Containers.TZ, "containers.conf: tz"
	}
	if name == "" {
		return nil, nil
	}
	source := "/etc/localtime"
	if name != "local" {
		source = filepath.Join("/usr/share/zoneinfo", name)
	}
	if err := d.env.Exists(source); err != nil {
		return nil, errs.WithHint(fmt.Errorf("%s %q: %q: %w", from, name, source, err),
			"rc takes time zones from the host's tzdata; see timedatectl list-timezones")
	}
	return []specs.Mount{{
		Type: "bind", Source: source, Destination: "/etc/localtime",
		Options: []string{"bind", "rprivate", "nosuid", "nodev", "noexec", "ro"},
	}}, nil
}

// devices are bind mounts: an ordinary user cannot make device nodes. --privileged shows
// all of the host's that are not there anyway. taken are the mounts so far. What
// containers.conf names and the machine does not have is skipped.
func (d *draft) devices(taken []specs.Mount) ([]specs.Mount, error) {
	var out []specs.Mount
	add := func(host, container string) {
		if mountedOn(taken, container) || mountedOn(out, container) || slices.Contains(oci.DefaultDevices(), container) {
			return
		}
		out = append(out, specs.Mount{
			Type: "bind", Source: host, Destination: container,
			Options: []string{"rbind", "rprivate", "nosuid", "noexec"},
		})
	}
	for _, device := range d.opts.Devices {
		if device.CDI != "" {
			d.cdi(device.CDI)
			continue
		}
		if err := d.env.Exists(device.Host); err != nil {
			return nil, fmt.Errorf("device %q: %w", device.Host, err)
		}
		add(device.Host, device.Container)
	}
	for _, text := range d.env.Config.Containers.Devices {
		device, err := parse.Device(text)
		if err != nil {
			return nil, fmt.Errorf("containers.conf: devices: %w", err)
		}
		if device.CDI != "" {
			d.cdi(device.CDI)
		} else if d.env.Exists(device.Host) == nil {
			add(device.Host, device.Container)
		}
	}
	if d.opts.Privileged && !bindOn(taken, "/dev") {
		for _, path := range d.env.HostDevices {
			add(path, path)
		}
	}
	return out, nil
}

// cdi notes a device that is looked up at each start: its driver, and with it its specification,
// may be another one then.
func (d *draft) cdi(name string) {
	if !slices.Contains(d.c.CDIDevices, name) {
		d.c.CDIDevices = append(d.c.CDIDevices, name)
	}
}
