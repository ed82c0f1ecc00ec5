package dockerfile

import (
	"errors"
	"fmt"
	"path"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// mount is a RUN --mount with its defaults; sockets counts those of agents.
func (st *Steps) mount(m *instructions.Mount, sockets *int) (Mount, error) {
	out := Mount{
		Type: string(m.Type), ReadOnly: m.ReadOnly, ID: m.CacheID, Required: m.Required, Size: m.SizeLimit,
		UIDSet: m.UID != nil, GIDSet: m.GID != nil,
	}
	if m.UID != nil {
		out.UID = uint32(*m.UID)
	}
	if m.GID != nil {
		out.GID = uint32(*m.GID)
	}
	if m.Mode != nil {
		mode := uint32(*m.Mode)
		out.Mode = &mode
	}
	switch m.Type {
	case instructions.MountTypeSecret:
		return secretMount(out, m)
	case instructions.MountTypeSSH:
		return sshMount(out, m, sockets)
	}
	if m.Env != nil {
		return out, fmt.Errorf("env is for secrets, not for %s", m.Type)
	}
	out.Target = m.Target
	if !path.IsAbs(m.Target) {
		out.Target = path.Join("/", st.config.WorkingDir, m.Target)
	}
	if out.Target = path.Clean(out.Target); out.Target == "/" {
		return out, fmt.Errorf("target %q is the container's root", m.Target)
	}
	if m.Type == instructions.MountTypeTmpfs {
		if m.From != "" || m.Source != "" {
			return out, errors.New("a tmpfs has no from and no source: it is empty")
		}
		return out, nil
	}
	out.Path = path.Join("/", m.Source)
	switch {
	case m.From != "":
		source, err := st.stage.plan.from(st.stage, m.From)
		if err != nil {
			return out, err
		}
		out.From = &source
	case m.Type == instructions.MountTypeCache:
		out.From = &Source{Scratch: true}
	default:
		out.From = &Source{Build: true}
	}
	if m.Type == instructions.MountTypeCache {
		if out.ID == "" {
			out.ID = path.Clean(m.Target)
		}
		if ns := st.stage.plan.options.Args[argCacheNS]; ns != "" {
			out.ID = ns + "/" + out.ID
		}
		if out.Sharing = string(m.CacheSharing); out.Sharing == "" {
			out.Sharing = string(instructions.MountSharingShared)
		}
	}
	return out, nil
}

// secretMount is a file, a variable, or both.
func secretMount(out Mount, m *instructions.Mount) (Mount, error) {
	if m.Source != "" {
		out.ID = m.Source
	}
	if out.ID == "" {
		if m.Target == "" {
			return out, errors.New("a secret needs an id or a target")
		}
		out.ID = path.Base(m.Target)
	}
	if m.Env != nil {
		if out.Env = *m.Env; out.Env == "" {
			out.Env = out.ID
		}
	}
	switch {
	case m.Target != "":
		out.Target = path.Join("/", m.Target)
	case m.Env == nil:
		out.Target = path.Join("/run/secrets", path.Base(out.ID))
	}
	return out, nil
}

// sshMount is an agent's socket.
func sshMount(out Mount, m *instructions.Mount, sockets *int) (Mount, error) {
	if m.Source != "" || m.From != "" {
		return out, errors.New("ssh has no source: it is the socket of the agent that id names")
	}
	if out.ID == "" {
		out.ID = "default"
	}
	out.Target = fmt.Sprintf("/run/buildkit/ssh_agent.%d", *sockets)
	if m.Target != "" {
		out.Target = path.Join("/", m.Target)
	}
	*sockets++
	return out, nil
}
