package build

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/runner"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// buildOptions are what rc build was told, parsed. What has to be fetched has not been.
type buildOptions struct {
	build.Options // of each platform, but for paths of context and Dockerfile
	Run           runner.Options

	Context  string   // as given
	File     string   // of -f, "" for the context's own
	Named    []pair   // of --build-context
	Platform []string // "" alone is the machine's
	KeepGit  bool

	Outputs  []output
	Push     bool
	Manifest string

	IIDFile, MetadataFile, LogFile string
	Progress                       string
	Quiet                          bool
}

type pair struct{ key, value string }

// parser collects what is wrong with the flags: all of it is told at once.
type parser struct {
	host     []string
	problems []error
}

func (p *parser) note(flag string, err error) {
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("--%s %w", flag, err))
	}
}

func (f *buildFlags) options(flags *pflag.FlagSet, a *cli.App, args []string) (*buildOptions, error) {
	o := &buildOptions{
		Context: ".", Push: f.push, IIDFile: f.iidfile, MetadataFile: f.metadataFile,
		LogFile: f.logfile, Progress: f.progress, Quiet: f.quiet,
	}
	if len(args) > 0 {
		o.Context = args[0]
	}
	p := &parser{host: os.Environ()}
	p.refused(flags)
	f.sources(p, flags, o)
	f.caching(p, o)
	f.image(p, o)
	f.output(p, o)
	var err error
	if o.Pull.Registry, err = f.registry.Options(flags, a); err != nil {
		p.problems = append(p.problems, err)
	}
	if o.Run.Container, err = f.step.Options(a.Config); err != nil {
		p.problems = append(p.problems, err)
	}
	o.RunSalt = f.step.Salt()
	f.secret(p, o)
	return o, errors.Join(p.problems...)
}

// refused tells of flags whose effect rc cannot give.
func (p *parser) refused(flags *pflag.FlagSet) {
	for _, r := range refusals() {
		value := flags.Lookup(r.name).Value.String()
		// buildah has other words for the isolation that there is.
		if value == r.none || value == "" || r.name == "isolation" && (value == "default" || value == "rootless") {
			continue
		}
		p.problems = append(p.problems, errs.Unsupportedf("--%s %q: %s", r.name, value, r.why))
	}
}

func (f *buildFlags) sources(p *parser, flags *pflag.FlagSet, o *buildOptions) {
	switch {
	case len(f.files) > 1:
		p.problems = append(p.problems, errs.WithHint(errs.Unsupportedf("--file: given %d times, and rc reads one", len(f.files)), "cat "+strings.Join(f.files, " ")+" | rc build -f - ."))
	case len(f.files) == 1 && f.files[0] == "":
		p.note("file", errs.Invalidf("%q: want a file name", ""))
	case len(f.files) == 1:
		o.File = f.files[0]
	}
	if o.File == "-" && o.Context == "-" {
		p.problems = append(p.problems, errs.Invalidf("--file -: standard input is the context already"))
	}
	if strings.HasSuffix(o.File, ".in") {
		p.note("file", errs.Unsupportedf("%q: rc does not send it through a preprocessor: cpp -E %s | rc build -f - .", o.File, o.File))
	}
	o.Args = map[string]string{}
	for _, path := range f.argFiles {
		p.note("build-arg-file", p.argFile(path, o.Args))
	}
	for _, value := range f.args {
		p.note("build-arg", p.arg(value, o.Args))
	}
	keep, err := strconv.ParseBool(o.Args["BUILDKIT_CONTEXT_KEEP_GIT_DIR"])
	o.KeepGit = err == nil && keep
	for _, value := range f.contexts {
		name, source, found := strings.Cut(value, "=")
		if !found || name == "" || source == "" {
			p.note("build-context", errs.Invalidf("%q: want NAME=DIRECTORY, NAME=URL or NAME=docker-image://IMAGE", value))
			continue
		}
		o.Named = append(o.Named, pair{strings.ToLower(name), source})
	}
	o.Target, o.From = f.target, f.from
	if f.ignorefile != "" {
		o.Ignorefile, err = filepath.Abs(f.ignorefile)
		p.note("ignorefile", err)
		if _, err := os.Stat(f.ignorefile); err != nil {
			p.note("ignorefile", fmt.Errorf("%q: %w", f.ignorefile, errors.Unwrap(err)))
		}
	}
	f.platformOptions(p, flags, o)
}

func (f *buildFlags) platformOptions(p *parser, flags *pflag.FlagSet, o *buildOptions) {
	parts, err := f.platform.Options()
	if err != nil {
		p.problems = append(p.problems, err)
	}
	if parts != (image.Platform{}) {
		if flags.Changed("platform") {
			p.problems = append(p.problems, errs.Invalidf("--platform: it is given together with --os, --arch or --variant"))
		}
		f.platforms = append(f.platforms, image.Describe(parts))
	}
	for _, value := range f.platforms {
		if value == "local" {
			o.Platform = append(o.Platform, "")
			continue
		}
		platform, err := parse.Platform(value)
		if err != nil {
			p.note("platform", err)
			continue
		}
		if text := image.Describe(platform); !slices.Contains(o.Platform, text) {
			o.Platform = append(o.Platform, text)
		}
	}
	if len(o.Platform) == 0 {
		o.Platform = []string{""}
	}
}

// arg reads NAME=VALUE, or NAME for the caller's own variable; one that he does not have is not given.
func (p *parser) arg(value string, to map[string]string) error {
	name, text, found := strings.Cut(value, "=")
	if name == "" {
		return errs.Invalidf("%q: want NAME=VALUE", value)
	}
	if !found {
		var set bool
		if text, set = os.LookupEnv(name); !set {
			return nil
		}
	}
	to[name] = text
	return nil
}

func (p *parser) argFile(path string, to map[string]string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%q: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	entries, err := parse.EnvFile(file, path, p.host)
	for _, entry := range entries {
		err = errors.Join(err, p.arg(entry, to))
	}
	return err
}

func (f *buildFlags) caching(p *parser, o *buildOptions) {
	o.NoCache, o.NoCacheFilter, o.Jobs = f.noCache, f.noCacheFilter, f.jobs
	pull := f.pull
	switch {
	case f.pullAlways:
		pull = image.Always
	case f.pullNever:
		pull = image.Never
	case pull == "true": // docker's --pull=true
		pull = image.Always
	}
	var err error
	o.PullPolicy, err = parse.Pull(pull)
	p.note("pull", err)
	for _, value := range f.cacheFrom {
		c, err := parseCache(value, "src")
		p.note("cache-from", err)
		o.CacheFrom = append(o.CacheFrom, c)
	}
	for _, value := range f.cacheTo {
		c, err := parseCache(value, "dest")
		p.note("cache-to", err)
		o.CacheTo = append(o.CacheTo, c)
	}
	o.Squash = f.squash || !f.layers && !f.squashAll
	o.SquashAll = f.squashAll
	if f.squash && f.squashAll {
		p.problems = append(p.problems, errs.Invalidf("--squash and --squash-all: want one of them"))
	}
	if f.jobs < 0 {
		p.note("jobs", errs.Invalidf("%d: want 0 or more", f.jobs))
	}
}

// parseCache reads REPOSITORY, or type=registry,ref=… or type=local,KEY=DIRECTORY.
func parseCache(value, key string) (build.Cache, error) {
	if !strings.Contains(value, "=") {
		return build.Cache{Type: "registry", Ref: value}, checkRepository(value)
	}
	attrs, err := keyValues(value)
	if err != nil {
		return build.Cache{}, err
	}
	c := build.Cache{Type: attrs["type"]}
	delete(attrs, "type")
	want := map[string]string{"registry": "ref", "local": key}[c.Type]
	if want == "" {
		return c, errs.Unsupportedf("%q: rc has the types registry and local", value)
	}
	c.Ref = attrs[want]
	delete(attrs, want)
	if c.Ref == "" {
		return c, errs.Invalidf("%q: want %s=…", value, want)
	}
	for k := range attrs {
		if k != "mode" || key != "dest" {
			return c, errs.Unsupportedf("%q: rc does not know %q here", value, k)
		}
	}
	c.Attrs = attrs
	if c.Type == "local" {
		c.Ref, err = filepath.Abs(c.Ref)
		return c, err
	}
	return c, checkRepository(c.Ref)
}

func checkRepository(value string) error {
	_, err := image.NewName(value)
	return err
}

// keyValues reads KEY=VALUE,KEY=VALUE; a key alone is true.
func keyValues(value string) (map[string]string, error) {
	attrs := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		k, v, found := strings.Cut(part, "=")
		if k = strings.ToLower(strings.TrimSpace(k)); k == "" {
			return nil, errs.Invalidf("%q: want KEY=VALUE,…", value)
		}
		if !found {
			v = "true"
		}
		attrs[k] = v
	}
	return attrs, nil
}

func (f *buildFlags) image(p *parser, o *buildOptions) {
	for _, value := range f.tags {
		name, err := image.NewName(value)
		p.note("tag", err)
		if !slices.Contains(o.Tags, name) {
			o.Tags = append(o.Tags, name)
		}
	}
	o.Labels, o.Annotations = p.pairs("label", f.labels), p.pairs("annotation", f.annotations)
	for _, value := range f.env {
		entries, err := parse.Env(value, p.host)
		p.note("env", err)
		o.Env = append(o.Env, entries...)
	}
	o.Unsetenv, o.Unsetlabel = f.unsetenv, f.unsetlabel
	var err error
	o.Format, err = parse.Choice(f.format, image.FormatOCI, image.FormatDocker)
	p.note("format", err)
	if o.Manifest = f.manifest; o.Manifest != "" {
		_, err := image.NewName(o.Manifest)
		p.note("manifest", err)
	}
	if len(o.Platform) > 1 && o.Manifest == "" && len(o.Tags) > 0 {
		p.problems = append(p.problems, errs.WithHint(errs.Invalidf("--tag: one name cannot be that of %d images", len(o.Platform)),
			"rc build --manifest "+f.tags[0]+" --platform …, then rc manifest push "+f.tags[0]))
	}
	f.times(p, o)
}

// times are --timestamp, --source-date-epoch and the variable.
func (f *buildFlags) times(p *parser, o *buildOptions) {
	flag, value := "timestamp", f.timestamp
	if value == "" {
		if flag, value = "source-date-epoch", f.epoch; value == "" {
			if value = o.Args["SOURCE_DATE_EPOCH"]; value == "" {
				value = os.Getenv("SOURCE_DATE_EPOCH")
			}
		}
		if _, set := o.Args["SOURCE_DATE_EPOCH"]; value != "" && !set {
			o.Args["SOURCE_DATE_EPOCH"] = value
		}
	}
	if value == "" {
		return
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 {
		p.note(flag, errs.Invalidf("%q: want seconds since 1970", value))
		return
	}
	o.CreatedAfter = &seconds
}

func (p *parser) pairs(flag string, values []string) map[string]string {
	to := map[string]string{}
	for _, value := range values {
		key, val, err := parse.Label(value)
		p.note(flag, err)
		if err == nil {
			to[key] = val
		}
	}
	return to
}

func (f *buildFlags) secret(p *parser, o *buildOptions) {
	cwd, err := os.Getwd()
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("working directory: %w", err))
	}
	o.Run.Secrets, o.Run.SSH = map[string]runner.Secret{}, map[string]runner.SSH{}
	for _, value := range f.secrets {
		id, s, err := runner.ParseSecret(value, cwd)
		p.note("secret", err)
		o.Run.Secrets[id] = s
	}
	for _, value := range f.ssh {
		id, agent, err := runner.ParseSSH(value, cwd)
		p.note("ssh", err)
		o.Run.SSH[id] = agent
	}
	o.Run.Allow = f.allow
	o.Secrets = slices.Sorted(maps.Keys(o.Run.Secrets))
	o.SSH = slices.Sorted(maps.Keys(o.Run.SSH))
}
