package secret

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/secret"
)

// Verbs are rc secret VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "create", Make: func() *cobra.Command { return newCreateCommand(a, create) }},
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
		{Name: "inspect", Make: func() *cobra.Command { return newInspectCommand(a, inspect) }},
		{Name: "ls", Make: func() *cobra.Command { return newLsCommand(a, list) }},
		{Name: "rm", Make: func() *cobra.Command { return newRmCommand(a, remove) }},
	}
}

// fileDriver is the one driver there is: podman's name for data in files.
const fileDriver = "file"

func store(a *cli.App) secret.Store { return secret.At(a.Config.DataRoot) }

// emit notes what was done to a secret. That it cannot be noted is no reason to do anything else.
func emit(cfg *config.Config, status string, s *secret.Secret) {
	_ = events.Append(cfg.RunRoot, events.Event{Type: events.Secret, Status: status, ID: s.ID, Name: s.Name})
}

// newExistsCommand is rc secret exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	return cli.Exists("a", "secret", "rc secret exists db-password || rc secret create db-password ./password", cli.CompleteSecrets(a, 1), func(_ context.Context, name string) error {
		_, err := store(a).Find(name)
		return err
	})
}
