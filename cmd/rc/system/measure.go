package system

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/system"
)

// measure is what package system has run in the default map.
func measure(ctx context.Context, a *cli.App) error {
	sizes, err := system.Measure(ctx, a.Config)
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	return json.NewEncoder(a.Stdout).Encode(sizes)
}
