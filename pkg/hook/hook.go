package hook

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/record"
	"github.com/rc-containers/rc/pkg/wire"
)

// Hook is one program to be run.
type Hook struct {
	Path      string // absolute
	Args, Env []string
	Timeout   time.Duration // 0 is none
}

// Set are the hooks of a container, by when they run; prestart is part of CreateRuntime.
type Set struct {
	CreateRuntime, CreateContainer, StartContainer, Poststart, Poststop []Hook
	Container                                                           Container
}

// Container is what of the state does not change.
type Container struct {
	ID, Bundle string
	// Annotations are a JSON object.
	Annotations string
}

// Of reads the hooks of a runtime description; bundle is the directory with its config.json.
func Of(spec *specs.Spec, id, bundle string) (*Set, error) {
	s := &Set{}
	if spec.Hooks == nil {
		return s, nil
	}
	annotations, err := json.Marshal(spec.Annotations)
	if err != nil {
		return nil, fmt.Errorf("annotations: %w", err)
	}
	s.Container = Container{ID: id, Bundle: bundle, Annotations: string(annotations)}
	for _, stage := range []struct {
		to    *[]Hook
		hooks []specs.Hook
	}{
		// In the order in which they are to run: createRuntime came in place of prestart.
		{&s.CreateRuntime, spec.Hooks.Prestart}, //nolint:staticcheck // deprecated, and in use
		{&s.CreateRuntime, spec.Hooks.CreateRuntime},
		{&s.CreateContainer, spec.Hooks.CreateContainer},
		{&s.StartContainer, spec.Hooks.StartContainer},
		{&s.Poststart, spec.Hooks.Poststart},
		{&s.Poststop, spec.Hooks.Poststop},
	} {
		for _, h := range stage.hooks {
			made, err := of(&h)
			if err != nil {
				return nil, err
			}
			*stage.to = append(*stage.to, made)
		}
	}
	return s, nil
}

func of(h *specs.Hook) (Hook, error) {
	made := Hook{Path: h.Path, Args: h.Args, Env: h.Env}
	if !strings.HasPrefix(h.Path, "/") {
		return made, errs.Invalidf("hook %q: not an absolute path", h.Path)
	}
	if h.Timeout != nil {
		if *h.Timeout <= 0 {
			return made, errs.Invalidf("hook %q: timeout %d: want more than 0 seconds", h.Path, *h.Timeout)
		}
		made.Timeout = time.Duration(*h.Timeout) * time.Second
	}
	for _, text := range append(append([]string{h.Path}, h.Args...), h.Env...) {
		if strings.ContainsRune(text, 0) {
			return made, errs.Invalidf("hook %q: a NUL byte in %q", h.Path, text)
		}
	}
	return made, nil
}

// Any says whether there is any hook.
func (s *Set) Any() bool {
	return len(s.CreateRuntime)+len(s.CreateContainer)+len(s.StartContainer)+len(s.Poststart)+len(s.Poststop) > 0
}

// Fields codes the set.
func (s *Set) Fields(c *wire.Coder) {
	for _, hooks := range []*[]Hook{&s.CreateRuntime, &s.CreateContainer, &s.StartContainer, &s.Poststart, &s.Poststop} {
		wire.List(c, hooks, func(c *wire.Coder, h *Hook) { h.fields(c) })
	}
	c.Text(&s.Container.ID)
	c.Text(&s.Container.Bundle)
	c.Text(&s.Container.Annotations)
}

func (h *Hook) fields(c *wire.Coder) {
	c.Text(&h.Path)
	wire.List(c, &h.Args, (*wire.Coder).Text)
	wire.List(c, &h.Env, (*wire.Coder).Text)
	wire.Number(c, &h.Timeout)
}

// state is what a hook reads: the runtime specification's "State".
func (c *Container) state(status specs.ContainerState, pid int) []byte {
	var o record.Object
	o.Text("ociVersion", specs.Version)
	o.Text("id", c.ID)
	o.Text("status", string(status))
	o.Number("pid", int64(pid), false)
	o.Text("bundle", c.Bundle)
	begun := strings.TrimSuffix(string(o.JSON()), "}")
	if c.Annotations != "" && c.Annotations != "null" {
		begun += `,"annotations":` + c.Annotations
	}
	return []byte(begun + "}")
}
