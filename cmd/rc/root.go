package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/build"
	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/complete"
	"github.com/rc-containers/rc/cmd/rc/container"
	"github.com/rc-containers/rc/cmd/rc/container/files"
	"github.com/rc-containers/rc/cmd/rc/doctor"
	"github.com/rc-containers/rc/cmd/rc/generate"
	"github.com/rc-containers/rc/cmd/rc/image"
	"github.com/rc-containers/rc/cmd/rc/inspect"
	"github.com/rc-containers/rc/cmd/rc/manifest"
	"github.com/rc-containers/rc/cmd/rc/network"
	"github.com/rc-containers/rc/cmd/rc/quadlet"
	"github.com/rc-containers/rc/cmd/rc/secret"
	"github.com/rc-containers/rc/cmd/rc/system"
	"github.com/rc-containers/rc/cmd/rc/volume"
	"github.com/rc-containers/rc/pkg/config"
)

// newRootCommand is rc with the verb that args name, or all of them where they name none.
func newRootCommand(a *cli.App, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "rc [options] [command]",
		Short: "Run containers without root and without a daemon",
		Long:  "Runs containers for an ordinary user: no root, no daemon.",
		Example: `rc run --rm -it alpine sh
rc pull docker.io/library/debian:12
rc ps --all`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cli.NoConfig: ""},
		// rc completion is our own; help is cobra's.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	version := root.Flags().BoolP("version", "v", false, "Print the version and exit")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version {
			fmt.Fprintln(a.Stdout, "rc version", system.Version(a))
			return nil
		}
		return cli.MissingCommand(cmd, args)
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		_, without := cmd.Annotations[cli.NoConfig]
		switch cmd.Name() {
		case "help", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
			// A completion reads the flags of the line that is being typed later on.
			return nil
		}
		if without {
			return nil
		}
		return a.Load()
	}
	addGlobalFlags(root.PersistentFlags(), &a.Global)
	root.SetFlagErrorFunc(cli.FlagError)
	root.SetHelpFunc(cli.PrintHelp)
	root.SetUsageFunc(cli.PrintUsage)

	v, ok := cli.FindVerb(verbs(a), commandWord(root, args))
	if a.Processors > 0 && !v.Serial {
		runtime.GOMAXPROCS(a.Processors)
	}
	if ok {
		root.AddCommand(v.Make())
		return root
	}
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		return root // scripts ask for it again and again
	}
	for _, v := range verbs(a) {
		root.AddCommand(v.Make())
	}
	complete.Flags(a, root)
	return root
}

// verbs are all of rc's.
func verbs(a *cli.App) []cli.Verb {
	return slices.Concat(container.Verbs(a), image.Verbs(a), image.RegistryVerbs(a), system.Verbs(a), doctor.Verbs(a), []cli.Verb{
		inspect.Verb(a),
		build.Verb(a),
		container.HealthVerb(a),
		container.InitVerb(a),
		cli.Noun("container", "Manage containers", append(slices.Concat(container.Verbs(a), container.NounVerbs(a)), inspect.ContainerVerb(a))),
		cli.Noun("image", "Manage images", append(slices.Concat(image.Verbs(a), image.NounVerbs(a)), build.Verb(a), inspect.ImageVerb(a), files.ImageDiffVerb(a))),
		cli.Noun("builder", "Build images, and manage what is kept of builds", build.BuilderVerbs(a, "builder")),
		cli.Noun("buildx", "Build images by docker's newer name", build.BuilderVerbs(a, "buildx")),
		cli.Noun("manifest", "Manage manifest lists", manifest.Verbs(a)),
		cli.Noun("secret", "Manage secrets", secret.Verbs(a)),
		cli.Noun("network", "Manage bridge networks", append(network.Verbs(a), container.NetworkReloadVerb(a))),
		cli.Noun("volume", "Manage volumes", volume.Verbs(a)),
		cli.Noun("generate", "Make files of what there is", generate.Verbs(a)),
		cli.Noun("quadlet", "Manage units made of quadlets", quadlet.Verbs(a)),
		cli.Noun("system", "Manage what rc keeps", system.SystemVerbs(a)),
	})
}

func addGlobalFlags(flags *pflag.FlagSet, to *config.Flags) {
	flags.StringVar(&to.Root, "root", "", "Directory for images and containers (default $XDG_DATA_HOME/rc)")
	flags.StringVar(&to.RunRoot, "runroot", "", "Directory for the state of running containers (default $XDG_RUNTIME_DIR/rc)")
	flags.StringVar(&to.TmpDir, "tmpdir", "", "Directory for large temporary files (default $TMPDIR or /var/tmp)")
	flags.StringVar(&to.StorageDriver, "storage-driver", "", "Storage driver: overlay is the only one")
	cli.ListVar(flags, &to.StorageOpts, "storage-opt", "", "Storage option: mount_program=auto|native|fuse-overlayfs")
	cli.ListVar(flags, &to.CDISpecDirs, "cdi-spec-dir", "", "Directory with specifications of CDI devices, instead of the usual ones")
	cli.ListVar(flags, &to.HooksDirs, "hooks-dir", "", "Directory with OCI hooks, instead of the usual ones")
	cli.ListVar(flags, &to.Modules, "module", "", "Read a module of containers.conf, too: a file, or its name in containers.conf.modules")
	flags.StringVar(&to.CgroupManager, "cgroup-manager", "", "Cgroup manager: systemd or cgroupfs (default systemd)")
	flags.StringVar(&to.LogLevel, "log-level", "", "Log messages at and above this level: "+strings.Join(config.LogLevels(), ", ")+" (default warn)")
	flags.BoolVarP(&to.Debug, "debug", "D", false, "Log everything, and how long each stage takes")
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
