package system

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/secret"
)

// secrets finds secrets that are broken, and what killed calls have left of others.
func (c *checking) secrets(ctx context.Context) error {
	found, err := twice(ctx, secret.At(c.cfg.DataRoot).Check, func(p secret.Problem) string { return p.Object + p.Text })
	if err != nil {
		return fmt.Errorf("check secrets: %w", err)
	}
	for _, p := range found {
		c.found(p.Object, p.Text, false, p.Mend)
	}
	return nil
}
