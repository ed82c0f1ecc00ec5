package build

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/build/runner"
)

// buildFlags are the flags of build as typed.
type buildFlags struct {
	// what is built
	files, args, argFiles, contexts []string
	target, from, ignorefile        string
	platforms                       []string
	platform                        cli.PlatformFlags
	secrets, ssh, allow             []string

	// from what is there already
	noCache            bool
	noCacheFilter      []string
	pull               string
	pullAlways         bool
	pullNever          bool
	cacheFrom, cacheTo []string
	layers             bool

	// the image
	tags, labels, annotations       []string
	env, unsetenv, unsetlabel       []string
	format, timestamp, epoch        string
	squash, squashAll               bool
	iidfile, metadataFile, manifest string
	outputs                         []string
	push, load                      bool

	jobs     int
	progress string
	quiet    bool
	logfile  string

	registry cli.RegistryFlags
	step     runflags.StepFlags
}

func (f *buildFlags) add(a *cli.App, cmd *cobra.Command) {
	flags := cmd.Flags()
	f.addSource(flags)
	f.addCache(flags)
	f.addImage(flags)
	flags.IntVar(&f.jobs, "jobs", 0, "Carry out so many steps side by side (0 is the number of processors)")
	flags.StringVar(&f.progress, "progress", progressAuto, "How progress is shown: auto, plain, tty or quiet")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "Print the image's id and nothing else")
	flags.StringVar(&f.logfile, "logfile", "", "Write progress and output of the build to this file")
	f.registry.Pull(flags)
	f.step.Add(flags)
	addNoOps(flags, noOps()...)
	addRefused(flags)
	f.complete(a, cmd)
}

func (f *buildFlags) addSource(flags *pflag.FlagSet) {
	cli.ListVar(flags, &f.files, "file", "f", "Dockerfile: a file, a URL, or - for standard input (default Containerfile or Dockerfile in the context)")
	cli.ListVar(flags, &f.args, "build-arg", "", "Value of an ARG: NAME=VALUE, NAME for the caller's own")
	cli.ListVar(flags, &f.argFiles, "build-arg-file", "", "Read values of ARGs from a file, NAME=VALUE in each line")
	cli.ListVar(flags, &f.contexts, "build-context", "", "Files for --from=NAME: NAME=DIRECTORY, a URL, docker-image://IMAGE or oci-layout://DIRECTORY")
	flags.StringVar(&f.target, "target", "", "Stage to build (default the last)")
	flags.StringVar(&f.from, "from", "", "Image in place of that of the first FROM")
	flags.StringVar(&f.ignorefile, "ignorefile", "", "File to read in place of .containerignore or .dockerignore")
	cli.WordsVar(flags, &f.platforms, "platform", "", "Platform to build for: OS/ARCH[/VARIANT]; several make one image each (default this machine's)")
	f.platform.AddParts(flags)
	cli.ListVar(flags, &f.secrets, "secret", "", "Secret for RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE")
	cli.ListVar(flags, &f.ssh, "ssh", "", "Agent for RUN --mount=type=ssh: default, or ID=SOCKET")
	cli.WordsVar(flags, &f.allow, "allow", "", "Allow what a Dockerfile cannot decide: network.host, security.insecure")
}

func (f *buildFlags) addCache(flags *pflag.FlagSet) {
	flags.BoolVar(&f.noCache, "no-cache", false, "Carry out every step, whatever earlier builds have left")
	cli.WordsVar(flags, &f.noCacheFilter, "no-cache-filter", "", "Carry out every step of this stage")
	flags.BoolVar(&f.layers, "layers", true, "Keep a layer for each step; with false the image has one on top of its base")
	flags.StringVar(&f.pull, "pull", "missing", "Pull base images: always, missing, never or newer")
	flags.Lookup("pull").NoOptDefVal = "always"
	flags.BoolVar(&f.pullAlways, "pull-always", false, "Pull base images: always")
	flags.BoolVar(&f.pullNever, "pull-never", false, "Pull base images: never")
	cli.Must(flags.MarkHidden("pull-always"))
	cli.Must(flags.MarkHidden("pull-never"))
	cli.ListVar(flags, &f.cacheFrom, "cache-from", "", "Take finished steps from REPOSITORY, type=registry,ref=… or type=local,src=DIRECTORY")
	cli.ListVar(flags, &f.cacheTo, "cache-to", "", "Write finished steps to REPOSITORY, type=registry,ref=… or type=local,dest=DIRECTORY")
}

func (f *buildFlags) addImage(flags *pflag.FlagSet) {
	cli.ListVar(flags, &f.tags, "tag", "t", "Name of the image: NAME[:TAG]")
	cli.ListVar(flags, &f.labels, "label", "", "Set a label: KEY=VALUE")
	cli.ListVar(flags, &f.annotations, "annotation", "", "Set an annotation of the manifest: KEY=VALUE")
	cli.ListVar(flags, &f.env, "env", "", "Set a variable of the image: KEY=VALUE, KEY for the caller's own")
	cli.ListVar(flags, &f.unsetenv, "unsetenv", "", "Take a variable out of the image")
	cli.ListVar(flags, &f.unsetlabel, "unsetlabel", "", "Take a label of the base out of the image")
	flags.StringVar(&f.format, "format", "oci", "Manifest and configuration: oci or docker")
	flags.StringVar(&f.timestamp, "timestamp", "", "Set all times in the image to this many seconds since 1970")
	flags.StringVar(&f.epoch, "source-date-epoch", "", "The same, and the build argument SOURCE_DATE_EPOCH (default the variable of that name)")
	flags.BoolVar(&f.squash, "squash", false, "Make one layer of all steps, on top of the base")
	flags.BoolVar(&f.squashAll, "squash-all", false, "Make one layer of everything")
	flags.StringVar(&f.iidfile, "iidfile", "", "Write the image's id to this file")
	flags.StringVar(&f.metadataFile, "metadata-file", "", "Write what was built to this file, as JSON")
	flags.StringVar(&f.manifest, "manifest", "", "Add the image to this manifest list, which is made where there is none")
	cli.ListVar(flags, &f.outputs, "output", "o", "What becomes of it: DIRECTORY, - for a tar archive, or type=local|tar|oci|docker|image,dest=…")
	flags.BoolVar(&f.push, "push", false, "Push the image under its names")
	flags.BoolVar(&f.load, "load", false, "Keep the image here, which is what happens anyway unless --output says otherwise")
}

// noOp is a flag that rc accepts and that has no effect.
type noOp struct {
	name, why string
	isBool    bool
}

// noOps are of docker's and podman's builds; the help lists them, nothing else is ignored.
func noOps() []noOp {
	return []noOp{
		{"compress", "the context is read where it is, and sent nowhere", true},
		{"disable-content-trust", "rc has no docker content trust; policy.json decides what may be pulled", true},
		{"force-rm", "no container of a RUN stays, whatever its end", true},
		{"rm", "no container of a RUN stays", true},
		{"skip-unused-stages", "stages that the target does not need are never built", true},
		{"identity-label", "rc sets no label of its own", true},
		builderNoOp(),
		{"stdin", "RUN reads nothing from the terminal", true},
	}
}

// builderNoOp is what rc builder has, too.
func builderNoOp() noOp {
	return noOp{"builder", "there is one builder, and it is no daemon", false}
}

func addNoOps(flags *pflag.FlagSet, list ...noOp) {
	for _, n := range list {
		if n.isBool {
			flags.Bool(n.name, true, "Without effect: "+n.why)
		} else {
			flags.String(n.name, "", "Without effect: "+n.why)
		}
		cli.Must(flags.MarkHidden(n.name))
	}
}

// refusal is a flag whose effect rc cannot give, with the value that asks for none.
type refusal struct{ name, none, why string }

func refusals() []refusal {
	return []refusal{
		{"attest", "", "rc makes no attestations"},
		{"provenance", "false", "rc makes no attestations"},
		{"sbom", "false", "rc makes no attestations; syft IMAGE makes a list of packages of an image"},
		{"call", "build", "rc build builds, and does not check or describe"},
		{"check", "false", "rc build builds, and does not check"},
		{"cpp-flag", "", "rc does not send Dockerfiles through a preprocessor: cpp -E Containerfile.in | rc build -f - ."},
		{"cw", "", "rc makes no images for confidential virtual machines"},
		{"isolation", "oci", "each RUN has a container of its own, as rc run makes it"},
		{"runtime", "", "rc is the runtime"},
		{"runtime-flag", "", "rc is the runtime"},
		{"sign-by", "", "rc does not sign images: cosign sign NAME@DIGEST, or skopeo copy --sign-by"},
		{"userns", "", "the numbers in an image are those of the default map: keep-id and auto would be in its layers"},
		{"all-platforms", "false", "name the platforms: --platform linux/amd64,linux/arm64"},
	}
}

func addRefused(flags *pflag.FlagSet) {
	for _, r := range refusals() {
		flags.String(r.name, r.none, "Refused: "+r.why)
		if r.none == "false" {
			flags.Lookup(r.name).NoOptDefVal = "true"
		}
		cli.Must(flags.MarkHidden(r.name))
	}
}

func (f *buildFlags) complete(a *cli.App, cmd *cobra.Command) {
	fixed := func(flag string, words ...string) {
		cli.Must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	}
	typed := func(flag string, words ...string) {
		cli.Must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoSpace)))
	}
	fixed("progress", progressKinds()...)
	fixed("format", "oci", "docker")
	fixed("allow", runner.AllowHost, runner.AllowInsecure)
	cli.Must(cmd.RegisterFlagCompletionFunc("target", f.completeStages))
	for _, flag := range []string{"from", "tag"} {
		cli.Must(cmd.RegisterFlagCompletionFunc(flag, cli.CompleteImages(a, 0)))
	}
	typed("output", "type=local,dest=", "type=tar,dest=", "type=oci,dest=", "type=docker,dest=", "type=image", "-")
	typed("cache-from", "type=registry,ref=", "type=local,src=")
	typed("cache-to", "type=registry,ref=", "type=local,dest=")
	typed("secret", "id=")
	fixed("ssh", "default")
	for _, flag := range []string{"file", "build-arg-file", "ignorefile", "metadata-file", "logfile"} {
		cli.Must(cmd.RegisterFlagCompletionFunc(flag, cli.CompleteFiles))
	}
	cli.Must(cmd.RegisterFlagCompletionFunc("no-cache-filter", f.completeStages))
	cli.Must(cmd.RegisterFlagCompletionFunc("build-arg", f.completeArgs))
	for _, flag := range []string{"build-context", "jobs", "manifest", "source-date-epoch", "timestamp", "unsetlabel"} {
		fixed(flag)
	}
}
