package image

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image"
)

// Verbs are rc VERB and rc image VERB.
func Verbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "pull", Make: func() *cobra.Command { return newPullCommand(a, pullImages) }},
		{Name: "push", Make: func() *cobra.Command { return newPushCommand(a, pushImage) }},
		{Name: "save", Make: func() *cobra.Command { return newSaveCommand(a, saveImages) }},
		{Name: "load", Make: func() *cobra.Command { return newLoadCommand(a, loadImages) }},
		{Name: "import", Make: func() *cobra.Command { return newImportCommand(a, importImage) }},
		{Name: "tag", Make: func() *cobra.Command { return newTagCommand(a, tagImage) }},
		{Name: "untag", Make: func() *cobra.Command { return newUntagCommand(a, untagImage) }},
		{Name: "history", Make: func() *cobra.Command { return newHistoryCommand(a, showHistory) }},
		{Name: "images", Make: func() *cobra.Command { return newImagesCommand(a, listImages) }},
		{Name: "rmi", Make: func() *cobra.Command { return newRmiCommand(a, removeImages) }},
		{Name: "search", Make: func() *cobra.Command { return newSearchCommand(a, searchImages) }},
	}
}

// RegistryVerbs are rc VERB only.
func RegistryVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "login", Make: func() *cobra.Command { return newLoginCommand(a, logIn) }},
		{Name: "logout", Make: func() *cobra.Command { return newLogoutCommand(a, logOut) }},
	}
}

// newExistsCommand is rc image exists.
func newExistsCommand(a *cli.App) *cobra.Command {
	example := "rc image exists alpine || rc pull alpine\nrc image exists 7d4d8abda151"
	return cli.Exists("an", "image", example, cli.CompleteImages(a, 1), func(ctx context.Context, name string) error {
		_, err := image.Resolve(ctx, a.Config, name, image.Platform{})
		return err
	})
}

// NounVerbs are rc image VERB only.
func NounVerbs(a *cli.App) []cli.Verb {
	return []cli.Verb{
		{Name: "exists", Make: func() *cobra.Command { return newExistsCommand(a) }},
		{Name: "mount", Make: func() *cobra.Command { return newMountCommand(a, mountImages) }},
		{Name: "unmount", Make: func() *cobra.Command { return newUnmountCommand(a, unmountImages) }},
		{Name: "tree", Make: func() *cobra.Command { return newTreeCommand(a, showTree) }},
		{Name: "prune", Make: func() *cobra.Command { return newPruneCommand(a, pruneImages) }},
	}
}
