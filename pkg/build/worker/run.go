package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
)

// running is a RUN.
type running struct {
	*work
	run    *dockerfile.Run
	before index.Config
	mounts []*mount
}

// runKey is what the outcome of a RUN depends on, besides the files below it.
type runKey struct {
	Args, Env []string
	Dir, User string
	Network   [2]string // the instruction's and the build's
	Security  string
	Hostname  string
	Devices   []dockerfile.Device
	Script    *dockerfile.Inline
	Mounts    []mountKey
	Salt      string // of the build's options
}

func (r *running) key(ctx context.Context) (key, error) {
	b := r.stage.b
	k := runKey{
		Args: r.run.Args, Env: r.run.Env, Dir: r.before.WorkingDir, User: r.before.User, Network: [2]string{r.run.Network, b.o.Network},
		Security: r.run.Security, Hostname: r.run.Hostname, Devices: r.run.Devices, Script: r.run.Script, Salt: b.o.RunSalt,
	}
	for _, m := range r.run.Mounts {
		one := &mount{b: b, Mount: m}
		if err := one.resolve(ctx); err != nil {
			return key{}, fmt.Errorf("--mount=type=%s,target=%s: %w", m.Type, m.Target, err)
		}
		r.mounts = append(r.mounts, one)
		k.Mounts = append(k.Mounts, one.key())
	}
	return key{Kind: "run", Instruction: k}, nil
}

// prepare takes the cache mounts, in an order that all steps keep to.
func (r *running) prepare(ctx context.Context) (func(), error) {
	var caches []*mount
	for _, m := range r.mounts {
		if m.Type == typeCache {
			caches = append(caches, m)
		}
	}
	slices.SortFunc(caches, func(a, b *mount) int { return strings.Compare(a.cache.Name(), b.cache.Name()) })
	release := func() {
		for _, m := range r.mounts {
			m.close()
		}
	}
	for _, m := range caches {
		if err := m.open(ctx, r.task); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

func (r *running) close() { r.mounts = nil }

func (r *running) make(ctx context.Context) (*store.Staged, error) {
	s := r.stage
	lower := s.tree.lower()
	tree, err := s.b.store.NewTree(ctx, lower)
	if err != nil {
		return nil, err
	}
	defer tree.Discard()
	request := build.Run{
		Step: r.task.number, Lower: lower, Upper: tree.Upper(), Work: tree.Work(), FuseOnly: s.tree.fuseOnly(),
		Args: r.run.Args, Env: append(slices.Clone(r.run.Hidden), r.run.Env...), Dir: r.before.WorkingDir, User: r.before.User,
		Network: r.run.Network, Security: r.run.Security, Hostname: r.run.Hostname,
	}
	if request.Platform = s.b.o.Platform; s.base != nil { // which may be the builder's, for a stage of tools
		c := s.base.config
		request.Platform = image.Describe(spec.Platform{OS: c.OS, Arch: c.Architecture, Variant: c.Variant})
	}
	for _, d := range r.run.Devices {
		request.Devices = append(request.Devices, build.Device{Name: d.Name, Required: d.Required})
	}
	for _, m := range r.mounts {
		mounted, err := m.request(ctx, tree.Temp())
		if err != nil {
			return nil, err
		}
		request.Mounts = append(request.Mounts, mounted)
		request.FuseOnly = request.FuseOnly || m.fuseOnly
	}
	if r.run.Script != nil {
		mounted, err := r.script(tree.Temp())
		if err != nil {
			return nil, err
		}
		request.Mounts = append(request.Mounts, mounted)
	}
	ran, err := s.b.host.run(ctx, request)
	if err != nil {
		return nil, err
	}
	if ran.Code != 0 {
		return nil, r.exit(ran)
	}
	if err := s.b.clamp(tree.Upper()); err != nil {
		return nil, err
	}
	return tree.Seal(ctx, lower, stack.Options{Warn: func(err error) { r.task.Warn("%v", err) }})
}

// scripts is the directory that Args of a RUN with a script have it in.
const scripts = "/dev/pipes/"

// script makes a file of a here-document that begins with #!.
func (r *running) script(dir string) (build.Mount, error) {
	path := filepath.Join(dir, "script")
	if err := os.WriteFile(path, []byte(r.run.Script.Data), 0o700); err != nil {
		return build.Mount{}, err
	}
	// The umask has had its say.
	return build.Mount{Type: typeBind, Source: path, Target: scripts + r.run.Script.Name, ReadOnly: true}, os.Chmod(path, 0o755)
}

// exit is the error of a command that has failed, in BuildKit's words.
func (r *running) exit(ran build.Ran) error {
	err := fmt.Errorf("process %q did not complete successfully: exit code: %d", strings.Join(r.run.Args, " "), ran.Code)
	if ran.Why != "" {
		err = fmt.Errorf("%w (%s)", err, ran.Why)
	}
	return errs.WithCode(err, ran.Code)
}
