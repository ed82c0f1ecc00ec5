package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// noConfig marks verbs that need no configuration: they work where the rest cannot.
const noConfig = "rc:no-config"

// newRootCommand is rc with all its verbs.
func newRootCommand(a *app) *cobra.Command {
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
		if _, without := cmd.Annotations[noConfig]; without || cmd.Name() == "help" {
			return nil
		}
		return a.load()
	}
	addGlobalFlags(root.PersistentFlags(), &a.global)
	completeGlobalFlags(root)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(printHelp)
	root.SetUsageFunc(printUsage)

	root.AddCommand(
		newRunCommand(a, runContainer),
		newInfoCommand(a, printInfo),
		newVersionCommand(a, printVersion),
		newCompletionCommand(a),
	)
	root.AddCommand(newNoun("container", "Manage containers", newRunCommand(a, runContainer)))
	return root
}

// newNoun groups verbs: rc container ps is rc ps.
func newNoun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	noun := &cobra.Command{
		Use: name, Short: short, Long: short + ".",
		Example:     "rc " + name + " --help",
		Annotations: map[string]string{noConfig: ""},
		RunE:        missingCommand,
	}
	noun.AddCommand(verbs...)
	return noun
}

func addGlobalFlags(flags *pflag.FlagSet, to *config.Flags) {
	flags.StringVar(&to.Root, "root", "", "Directory for images and containers (default $XDG_DATA_HOME/rc)")
	flags.StringVar(&to.RunRoot, "runroot", "", "Directory for the state of running containers (default $XDG_RUNTIME_DIR/rc)")
	flags.StringVar(&to.TmpDir, "tmpdir", "", "Directory for large temporary files (default $TMPDIR or /var/tmp)")
	flags.StringVar(&to.StorageDriver, "storage-driver", "", "Storage driver: overlay is the only one")
	flags.StringArrayVar(&to.StorageOpts, "storage-opt", nil, "Storage option: mount_program=auto|native|fuse-overlayfs")
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
