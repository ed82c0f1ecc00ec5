package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// noConfig marks verbs that need no configuration: they work where the rest cannot.
const noConfig = "rc:no-config"

// newRootCommand is rc with the verb that args name, or all of them where they name none.
func newRootCommand(a *app, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "rc [options] [command]",
		Short: "Run containers without root and without a daemon",
		Long:  "Runs containers for an ordinary user: no root, no daemon.",
		Example: `rc run --rm -it alpine sh
rc pull docker.io/library/debian:12
rc ps --all`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{noConfig: ""},
		// rc completion is our own; help is cobra's.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	version := root.Flags().BoolP("version", "v", false, "Print the version and exit")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version {
			fmt.Fprintln(a.stdout, "rc version", buildVersion().Version)
			return nil
		}
		return missingCommand(cmd, args)
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		_, without := cmd.Annotations[noConfig]
		switch cmd.Name() {
		case "help", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
			// A completion reads the flags of the line that is being typed later on.
			return nil
		}
		if without {
			return nil
		}
		return a.load()
	}
	addGlobalFlags(root.PersistentFlags(), &a.global)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(printHelp)
	root.SetUsageFunc(printUsage)

	if v, ok := find(a.verbs(), commandWord(root, args)); ok {
		root.AddCommand(v.make())
		return root
	}
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		return root // scripts ask for it again and again
	}
	a.completing = true
	completeGlobalFlags(root)
	for _, v := range a.verbs() {
		root.AddCommand(v.make())
	}
	return root
}

// verb is a command that is not made yet. A tree of all of them has a thousand flags, which
// cost more than a container's start.
type verb struct {
	name string
	make func() *cobra.Command
}

// find is the verb that word names. Help, completions and mistakes name none.
func find(verbs []verb, word string) (verb, bool) {
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.name == word })
	if i < 0 {
		return verb{}, false
	}
	return verbs[i], true
}

// verbs are all of rc's.
func (a *app) verbs() []verb {
	return slices.Concat(a.containerVerbs(), a.imageVerbs(), []verb{
		{"inspect", func() *cobra.Command { return newInspectCommand(a, inspectAll, printInspection) }},
		{"unshare", func() *cobra.Command { return newUnshareCommand(a, unshare) }},
		{container.EmptyTrashVerb, func() *cobra.Command { return newTrashCommand(a, emptyTrash) }},
		{"info", func() *cobra.Command { return newInfoCommand(a, printInfo) }},
		{"version", func() *cobra.Command { return newVersionCommand(a, printVersion) }},
		{"completion", func() *cobra.Command { return newCompletionCommand(a) }},
		{"container", func() *cobra.Command {
			return newNoun("container", "Manage containers", append(a.containerVerbs(), verb{"inspect", func() *cobra.Command {
				return newInspectCommand(a, inspectContainer, printInspection)
			}}))
		}},
		{"image", func() *cobra.Command {
			return newNoun("image", "Manage images", append(a.imageVerbs(), verb{"inspect", func() *cobra.Command {
				return newInspectCommand(a, inspectImage, printInspection)
			}}))
		}},
	})
}

// containerVerbs are rc VERB and rc container VERB.
func (a *app) containerVerbs() []verb {
	return []verb{
		{"run", func() *cobra.Command { return newRunCommand(a, runContainer) }},
		{"ps", func() *cobra.Command { return newPsCommand(a, printContainers) }},
		{"rm", func() *cobra.Command { return newRmCommand(a, removeContainers) }},
	}
}

// imageVerbs are rc VERB and rc image VERB.
func (a *app) imageVerbs() []verb {
	return []verb{
		{"pull", func() *cobra.Command { return newPullCommand(a, pullImages) }},
		{"load", func() *cobra.Command { return newLoadCommand(a, loadImages) }},
		{"import", func() *cobra.Command { return newImportCommand(a, importImage) }},
		{"tag", func() *cobra.Command { return newTagCommand(a, tagImage) }},
		{"untag", func() *cobra.Command { return newUntagCommand(a, untagImage) }},
		{"images", func() *cobra.Command { return newImagesCommand(a, listImages) }},
		{"rmi", func() *cobra.Command { return newRmiCommand(a, removeImages) }},
	}
}

// newNoun groups verbs: rc container ps is rc ps. Names that would say the noun twice are
// docker's and podman's short ones: rc image ls, rc image rm.
func newNoun(name, short string, verbs []verb) *cobra.Command {
	noun := &cobra.Command{
		Use: name, Short: short, Long: short + ".",
		Example:     "rc " + name + " --help",
		Annotations: map[string]string{noConfig: ""},
		RunE:        missingCommand,
	}
	for _, v := range verbs {
		cmd := v.make()
		switch v.name {
		case "images", "ps":
			cmd.Use = "ls" + strings.TrimPrefix(cmd.Use, v.name)
			cmd.Aliases = append(cmd.Aliases, "list", v.name)
		case "rmi":
			cmd.Use = "rm" + strings.TrimPrefix(cmd.Use, v.name)
		}
		cmd.Example = strings.ReplaceAll(cmd.Example, "rc "+v.name, "rc "+name+" "+cmd.Name())
		noun.AddCommand(cmd)
	}
	return noun
}

func addGlobalFlags(flags *pflag.FlagSet, to *config.Flags) {
	flags.StringVar(&to.Root, "root", "", "Directory for images and containers (default $XDG_DATA_HOME/rc)")
	flags.StringVar(&to.RunRoot, "runroot", "", "Directory for the state of running containers (default $XDG_RUNTIME_DIR/rc)")
	flags.StringVar(&to.TmpDir, "tmpdir", "", "Directory for large temporary files (default $TMPDIR or /var/tmp)")
	flags.StringVar(&to.StorageDriver, "storage-driver", "", "Storage driver: overlay is the only one")
	listVar(flags, &to.StorageOpts, "storage-opt", "", "Storage option: mount_program=auto|native|fuse-overlayfs")
	flags.StringVar(&to.CgroupManager, "cgroup-manager", "", "Cgroup manager: systemd or cgroupfs (default systemd)")
	flags.StringVar(&to.LogLevel, "log-level", "", "Log messages at and above this level: "+strings.Join(config.LogLevels(), ", ")+" (default warn)")
	flags.BoolVar(&to.Debug, "debug", false, "Log everything, and how long each stage takes")
}

func completeGlobalFlags(root *cobra.Command) {
	fixed := func(flag string, words ...string) {
		must(root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	}
	fixed("storage-driver", "overlay")
	fixed("storage-opt", "mount_program=auto", "mount_program=native", "mount_program=fuse-overlayfs")
	fixed("cgroup-manager", config.CgroupManagers()...)
	fixed("log-level", config.LogLevels()...)
	for _, flag := range []string{"root", "runroot", "tmpdir"} {
		must(root.MarkPersistentFlagDirname(flag))
	}
}

// must is for what can only fail by a mistake in this package, such as a flag's name.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// missingCommand is what rc does without a verb, or with an unknown one.
func missingCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	if err := cmd.Help(); err != nil {
		return err
	}
	return errs.WithHint(usage("%s: command is missing", cmd.CommandPath()), cmd.CommandPath()+" --help")
}

// unknownCommand says what may have been meant.
func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(append(names, sub.Name()), sub.Aliases...)
		}
	}
	if near := spec.Nearest(word, names); near != "" {
		return errs.WithHint(usage("unknown command %q for %q; did you mean %q?", word, cmd.CommandPath(), near),
			cmd.CommandPath()+" "+near+" --help")
	}
	return errs.WithHint(usage("unknown command %q for %q", word, cmd.CommandPath()), cmd.CommandPath()+" --help")
}

// commandWord is the first argument that is no global flag, "" if there is none.
func commandWord(root *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		word := args[i]
		if !strings.HasPrefix(word, "-") {
			return word
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		flag := root.PersistentFlags().Lookup(name)
		if flag != nil && flag.NoOptDefVal == "" && !hasValue {
			i++ // its value
		}
	}
	return ""
}
