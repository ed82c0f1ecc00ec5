package worker

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/store"
)

// mostDamaged bounds the answer, which has to fit into a message; the next check tells of the rest. All is repaired, and told of what
// cannot be.
const (
	mostDamaged = 100
	mostUsers   = 8 // of each image
)

// check finds what is damaged, and removes it if that is asked for.
func check(ctx context.Context, cfg *config.Config, s *store.Store, o image.CheckOptions) ([]image.Damaged, error) {
	damage, err := s.Check(ctx, o.Quick, o.Max)
	if err != nil || len(damage) == 0 {
		return nil, err
	}
	lock, err := index.Hold(ctx, cfg, !o.Repair)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	users, err := containersByImage(cfg)
	if err != nil && o.Repair {
		return nil, err
	}
	var found []image.Damaged
	freed := false // layers, some of which may be damaged
	for i, d := range damage {
		if i >= mostDamaged && !o.Repair {
			break
		}
		f := image.Damaged{Object: d.Object, Problem: d.Problem, Image: d.Image, Names: d.Names}
		if d.Image != "" {
			f.Object = fmt.Sprintf("image %.12s", d.Image)
			if len(d.Names) > 0 {
				f.Object += " " + d.Names[0]
			}
			f.Containers = ids(users[d.Image])
		}
		if o.Repair {
			repair(d, &f)
			freed = freed || f.Removed && d.Image != "" || f.Mended && d.Image == ""
		}
		if i < mostDamaged || f.Kept != "" && len(found) < 2*mostDamaged {
			found = append(found, f)
		}
	}
	if freed { // a damaged layer would be taken for the next image
		if err := s.SweepAll(); err != nil {
			found = append(found, image.Damaged{Object: "layers", Problem: "no image has them any more", Kept: err.Error()})
		}
	}
	return found, nil
}

func repair(d store.Damage, f *image.Damaged) {
	if d.Mend != nil {
		if err := d.Mend(); err != nil {
			f.Kept = err.Error()
			return
		}
		f.Mended = true
		return
	}
	if len(f.Containers) > 0 {
		f.Kept = fmt.Sprintf("container %.12s was made from it", f.Containers[0])
		return
	}
	if err := d.Remove(); err != nil {
		f.Kept = err.Error()
		return
	}
	f.Removed = true
}

func ids(containers []spec.Summary) []string {
	var out []string
	for _, c := range containers[:min(len(containers), mostUsers)] {
		out = append(out, c.ID)
	}
	return out
}
