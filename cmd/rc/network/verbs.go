package network

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

// Verbs are rc network VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "connect", Make: func() *cobra.Command { return newConnectCommand(a, connect) }},
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, create) }},
		{Name: "disconnect", Make: func() *cobra.Command { return newDisconnectCommand(a, disconnect) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
		{Name: "inspect", Make: func() *cobra.Command { return newInspectCommand(a, inspect) }},
		{Name: "ls", Make: func() *cobra.Command { return newLsCommand(a, list) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, prune) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, remove) }},
		{Name: "update", Make: func() *cobra.Command { return newUpdateCommand(a, update) }},
	}
}

func store(a *cli.App) (*bridge.Store, error) { return records.Networks(a.Config) }

// newExistsCommand is rc network exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	return cli.Exists("a", "network", "rc network exists web || rc network create web", cli.CompleteNetworks(a, 1), func(_ context.Context, name string) error {
		s, err := store(a)
		if err == nil {
			_, err = s.Find(name)
		}
		return err
	})
}
