package system

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/userns"
)

// MeasureVerb is rc's hidden verb that writes Sizes, in the default map, as JSON.
const MeasureVerb = "__measure"

// Sizes are bytes of disk blocks.
type Sizes struct {
	// Containers are by id, Volumes by name.
	Containers, Volumes map[string]int64
	// Images is that of all layers, and of what has arrived of others.
	Images int64
}

// Measure reads the sizes of all files. It runs in the default map.
func Measure(ctx context.Context, cfg *config.Config) (*Sizes, error) {
	m := newMeter(ctx)
	s := &Sizes{Containers: map[string]int64{}, Volumes: map[string]int64{}}
	var err error
	for _, dir := range []string{"overlay", "staging", "fetching"} {
		size, err := m.tree(filepath.Join(cfg.StorageRoot(), dir))
		if err != nil {
			return nil, err
		}
		s.Images += size
	}
	root := records.Of(cfg)
	entries, _ := root.List() // broken records are not measured
	for _, e := range entries {
		if s.Containers[e.ID], err = m.tree(root.Dir(e.ID)); err != nil {
			return nil, err
		}
	}
	volumes := records.Volumes(cfg)
	names, err := volumes.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if s.Volumes[name], err = m.tree(volumes.Dir(name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// measure has rc run again in the default map for Measure.
func measure(ctx context.Context, cfg *config.Config) (*Sizes, error) {
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	read := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(out) // what is not whole cannot be decoded
		read <- data
	}()
	code, err := userns.Run(ctx, ids, userns.Command{
		Path: "/proc/self/exe", Args: []string{userns.Role, "--root", cfg.DataRoot, "--runroot", cfg.RunRoot, MeasureVerb},
		Stdout: in, Stderr: os.Stderr,
	})
	in.Close()
	data := <-read
	if err == nil && code != 0 {
		err = errs.Exit(code) // it has said why
	}
	s := &Sizes{}
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err != nil {
		return nil, fmt.Errorf("measure %q: %w", cfg.DataRoot, err)
	}
	return s, nil
}
