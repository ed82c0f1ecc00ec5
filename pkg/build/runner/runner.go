package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/cdi"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// What a build may be allowed besides, by BuildKit's names.
const (
	AllowInsecure = "security.insecure"
	AllowHost     = "network.host"
	AllowDevice   = "device" // or device=NAME
)

// Options hold for all commands of a build.
type Options struct {
	// Container is what rc run's flags would ask for: Network with its names, capabilities, SecurityOpt, Security, Resources, Rlimits,
	// ShmSize, Devices, Mounts, Cgroups, and the proxies of --http-proxy in Env.Base. A step has the rest.
	Container create.Options
	// Secrets are --secret by id, and SSH --ssh.
	Secrets map[string]Secret
	SSH     map[string]SSH
	// Allow are AllowInsecure, AllowHost and AllowDevice.
	Allow []string
}

// Runner is build.Runner.
type Runner struct {
	cfg   *config.Config
	o     Options
	steps *container.Steps
	keys  map[string]*keyAgent
}

// New checks what can be checked before a build begins, and makes what its containers share.
func New(ctx context.Context, cfg *config.Config, o Options) (*Runner, error) {
	for _, name := range o.Allow {
		if name != AllowInsecure && name != AllowHost && name != AllowDevice && !strings.HasPrefix(name, AllowDevice+"=") {
			return nil, errs.Invalidf("--allow %q: want %s, %s or %s[=NAME]", name, AllowInsecure, AllowHost, AllowDevice)
		}
	}
	r := &Runner{cfg: cfg, o: o}
	var err error
	if r.steps, err = container.NewSteps(ctx, cfg, o.Container.Cgroups); err != nil {
		return nil, err
	}
	return r, r.startKeys()
}

// Close takes away what New made.
func (r *Runner) Close() error {
	for _, a := range r.keys {
		a.close()
	}
	return r.steps.Close(context.Background()) // what has begun is ended, whatever has ended the build
}

// hostname is docker's.
const hostname = "buildkitsandbox"

// Run implements build.Runner.
func (r *Runner) Run(ctx context.Context, run build.Run, log func(stream int, data []byte)) build.Ran {
	end, err := r.run(ctx, run, log)
	ran := build.Ran{ID: run.ID, Code: end.Code}
	switch {
	case err != nil:
		ran.Code, ran.Error = errs.Code(err), image.NewFailure(err)
	case end.Code != 0 && end.OOM:
		ran.Why = "the limit of memory was reached, and the kernel ended a process"
	case end.Code != 0:
		ran.Why = full(run.Upper)
	}
	return ran
}

func (r *Runner) run(ctx context.Context, run build.Run, log func(stream int, data []byte)) (end container.StepEnd, err error) {
	// Not sooner: what is copied, or comes from the cache, needs nobody who runs it.
	if err := checkPlatform(run.Platform); err != nil {
		return end, err
	}
	s := container.Step{
		Options: r.o.Container,
		Rootfs:  spec.Rootfs{Lower: run.Lower, Upper: run.Upper, Work: run.Work},
		Userns:  run.Userns,
	}
	if run.FuseOnly {
		s.Rootfs.MountProgram = overlay.Fuse
	}
	if err := r.options(&s.Options, run); err != nil {
		return end, err
	}
	if err := r.devices(ctx, &s.Options, run.Devices); err != nil {
		return end, err
	}
	m := &mounts{runner: r, step: &s, run: run}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.add(ctx); err != nil {
		return end, err
	}
	out, err := newOutput(log)
	if err != nil {
		return end, err
	}
	defer out.close()
	s.Out, s.Err = out.files[0], out.files[1]
	return r.steps.Run(ctx, s)
}

// options adds what the instruction says.
func (r *Runner) options(o *create.Options, run build.Run) error {
	if o.UTS != "host" {
		o.Hostname, o.UTS = cmp.Or(run.Hostname, hostname), "private"
	}
	if len(run.Args) == 0 {
		return errs.Invalidf("RUN: without a command")
	}
	o.Entrypoint, o.Args = []string{}, run.Args
	// The proxies are weakest; what is of containers.conf is for containers.
	o.Env = create.Env{UnsetAll: true, Set: spec.JoinEnv(r.o.Container.Env.Base, run.Env)}
	// A number needs no line of its own in /etc/passwd here, where RUN may add one.
	o.User, o.Workdir, o.NoPasswd = run.User, run.Dir, true
	o.Stdin, o.TTY, o.Detach, o.SigProxy = false, false, false, false
	o.Userns = spec.Userns{Mode: spec.UsernsHost}
	if err := r.network(o, run.Network); err != nil {
		return err
	}
	switch run.Security {
	case "", "sandbox":
	case "insecure":
		if !slices.Contains(r.o.Allow, AllowInsecure) {
			return notAllowed("RUN --security=insecure", AllowInsecure)
		}
		o.Privileged = true
	default:
		return errs.Invalidf("RUN --security=%s: want sandbox or insecure", run.Security)
	}
	return nil
}

// devices adds those of RUN --device. One that --device of the build names is allowed by that.
func (r *Runner) devices(ctx context.Context, o *create.Options, devices []build.Device) error {
	var known []string
	for _, d := range devices {
		device, err := parse.Device(d.Name)
		if err == nil && device.CDI == "" {
			err = errs.Invalidf("%q: want a CDI name such as vendor.com/class=name", d.Name)
		}
		if err != nil {
			return fmt.Errorf("RUN --device: %w", err)
		}
		if slices.Contains(o.Devices, device) {
			continue
		}
		if !slices.Contains(r.o.Allow, AllowDevice) && !slices.Contains(r.o.Allow, AllowDevice+"="+d.Name) {
			return notAllowed("RUN --device="+d.Name, AllowDevice+"="+d.Name)
		}
		if known == nil && !d.Required {
			if known, err = cdi.List(ctx, r.cfg.CDISpecDirs); err != nil {
				return fmt.Errorf("RUN --device: %w", err)
			}
		}
		if d.Required || slices.Contains(known, d.Name) {
			o.Devices = append(slices.Clip(o.Devices), device)
		}
	}
	return nil
}

// network heeds RUN --network.
func (r *Runner) network(o *create.Options, mode string) error {
	switch mode {
	case "", "default":
		return nil
	case spec.NetworkNone:
	case spec.NetworkHost:
		if o.Network.Mode != spec.NetworkHost && !slices.Contains(r.o.Allow, AllowHost) {
			return notAllowed("RUN --network=host", AllowHost)
		}
	default:
		return errs.Invalidf("RUN --network=%s: want default, none or host", mode)
	}
	n := &o.Network
	n.Mode, n.Options, n.Target, n.Attachments, n.Ports, n.Rate = mode, nil, "", nil, nil, nil
	if mode == spec.NetworkNone { // where there is no host to be reached
		n.AddHosts = slices.DeleteFunc(slices.Clone(n.AddHosts), func(entry string) bool {
			return strings.HasSuffix(entry, ":"+spec.HostGateway)
		})
	}
	return nil
}

func notAllowed(what, name string) error {
	return errs.WithHint(errs.Unsupportedf("%s: this build is not allowed to", what), "rc build --allow "+name)
}

// full says that nothing can be written any more where the step writes, which may be why it failed.
func full(dir string) string {
	const little = 1 << 20
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return ""
	}
	switch {
	case st.Bavail*uint64(st.Bsize) < little:
		return fmt.Sprintf("no space is left on the file system of %s", dir)
	case st.Files > 0 && st.Ffree == 0:
		return fmt.Sprintf("no inode is left on the file system of %s", dir)
	}
	return ""
}
