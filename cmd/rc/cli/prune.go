package cli

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/system"
)

// Prune is what the verbs called prune do before they print: it asks, unless force is set. The
// result is nil where the answer is no.
func Prune(ctx context.Context, a *App, verb, warning string, force bool, o system.PruneOptions) (*system.Pruned, error) {
	if !force {
		if yes, err := Confirm(a, verb, warning); err != nil || !yes {
			return nil, err
		}
	}
	pruned, err := system.Prune(ctx, a.Config, o)
	a.EmptyTrash(ctx)
	return pruned, err
}

// EmptyTrash has the files of what was removed deleted. It is gone all the same where that fails, and the next call
// tries again.
func (a *App) EmptyTrash(ctx context.Context) {
	a.Warn(lifecycle.EmptyTrash(ctx, a.Config, 0))
}

// PruneAndPrint is Prune for verbs that remove one kind of objects: it prints what of picks, and how much disk that frees.
func PruneAndPrint(ctx context.Context, a *App, verb, warning string, force bool, o system.PruneOptions, of func(*system.Pruned) []string) error {
	pruned, err := Prune(ctx, a, verb, warning, force, o)
	if pruned == nil {
		return err
	}
	for _, id := range of(pruned) {
		fmt.Fprintln(a.Stdout, id)
	}
	fmt.Fprintln(a.Stdout, "Total reclaimed space:", format.Size(pruned.Reclaimed))
	return err
}
