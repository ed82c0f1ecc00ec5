package cdi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// Request is what rc-cdi is told: where to look, and for what. Without devices it lists all.
type Request struct {
	// Dirs are looked at in this order; of two devices with one name the later directory's counts.
	Dirs    []string `json:"dirs"`
	Devices []string `json:"devices"`
}

// Answer is what rc-cdi says.
type Answer struct {
	Edits Edits    `json:"edits"`
	Known []string `json:"known,omitempty"` // all devices, sorted
	Error string   `json:"error,omitempty"`
	Hint  string   `json:"hint,omitempty"`
	// Unsupported says that the error is errs.ErrUnsupported, else it is errs.ErrNotFound.
	Unsupported bool `json:"unsupported,omitempty"`
}

// Edits are what devices change in a container. Owners, modes and cgroup permissions of nodes are
// left out: an ordinary user can make no node, and the host's own has them.
type Edits struct {
	Env    []string      `json:"env,omitempty"` // KEY=VALUE
	Nodes  []Node        `json:"nodes,omitempty"`
	Mounts []specs.Mount `json:"mounts,omitempty"`
	Hooks  specs.Hooks   `json:"hooks"`
	GIDs   []uint32      `json:"gids,omitempty"`
}

// Node is a device node of the host, and where it is in the container.
type Node struct {
	Host      string `json:"host"`
	Container string `json:"container"`
}

// Resolve finds devices by their names.
func Resolve(ctx context.Context, dirs, devices []string) (*Edits, error) {
	answer, err := ask(ctx, Request{dirs, devices})
	if err != nil {
		return nil, fmt.Errorf("CDI devices: %w", err)
	}
	return &answer.Edits, nil
}

// List are the names of all devices. What is wrong with a file is left out.
func List(ctx context.Context, dirs []string) ([]string, error) {
	answer, err := ask(ctx, Request{Dirs: dirs})
	if err != nil {
		return nil, fmt.Errorf("list CDI devices: %w", err)
	}
	return answer.Known, nil
}

func ask(ctx context.Context, r Request) (*Answer, error) {
	path, err := config.Program("rc-cdi")
	if err != nil {
		return nil, err
	}
	request, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	answer := &Answer{}
	if err := json.Unmarshal(out, answer); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if answer.Error == "" {
		return answer, nil
	}
	if answer.Unsupported {
		return nil, errs.WithHint(errs.Unsupportedf("%w", errors.New(answer.Error)), answer.Hint)
	}
	return nil, errs.WithHint(&missing{answer.Error}, answer.Hint)
}

// missing is an error of the kind errs.ErrNotFound whose text says all.
type missing struct{ text string }

func (m *missing) Error() string { return m.text }
func (m *missing) Unwrap() error { return errs.ErrNotFound }
