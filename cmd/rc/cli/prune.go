package cli

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/container"
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
	if trashErr := container.EmptyTrash(ctx, a.Config, 0); trashErr != nil {
		fmt.Fprintln(a.Stderr, "Warning:", trashErr)
	}
	return pruned, err
}
