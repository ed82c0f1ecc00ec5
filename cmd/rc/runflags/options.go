package runflags

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Options are what rc run was told, parsed.
type Options struct {
	create.Options
	// Image is the reference as typed, "" with Rootfs.
	Image string
	// Rootfs is the operand of --rootfs; its Path is "" without.
	Rootfs spec.Rootfs
	// Pull is always, missing, never or newer.
	Pull     string
	Platform spec.Platform // zero is the machine's
	Registry image.Registry
	// RemoveImage deletes the image after the container, unless another one needs it.
	RemoveImage bool
	Quiet       bool // no progress of a pull
}

// Parser turns flags into options and collects what is wrong with them: all of it is
// told at once.
type Parser struct {
	flags    *pflag.FlagSet
	cwd      string
	host     []string // the caller's environment
	problems []error
}

// NewParser reads flags, those of other verbs as well, that name no files.
func NewParser(flags *pflag.FlagSet) *Parser {
	return &Parser{flags: flags, host: os.Environ()}
}

// newFileParser reads flags that name files, too.
func newFileParser(flags *pflag.FlagSet) (*Parser, error) {
	p := NewParser(flags)
	var err error
	if p.cwd, err = os.Getwd(); err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	return p, nil
}

// Err is all that was wrong.
func (p *Parser) Err() error { return errors.Join(p.problems...) }

// note adds what is wrong with a flag.
func (p *Parser) note(flag string, err error) {
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("--%s %w", flag, err))
	}
}

// One parses a flag's value where it was given.
func One[T any](p *Parser, flag, value string, read func(string) (T, error)) (out T) {
	if value == "" && !p.flags.Changed(flag) {
		return out
	}
	out, err := read(value)
	p.note(flag, err)
	return out
}

// Optional is one for flags whose zero value says something.
func Optional[T any](p *Parser, flag, value string, read func(string) (T, error)) *T {
	if !p.flags.Changed(flag) {
		return nil
	}
	out := One(p, flag, value, read)
	return &out
}

// each parses every value of a flag that can be given more than once.
func each[T any](p *Parser, flag string, values []string, read func(string) (T, error)) (out []T) {
	for _, value := range values {
		parsed, err := read(value)
		if err != nil {
			p.note(flag, err)
			continue
		}
		out = append(out, parsed)
	}
	return out
}

// Descriptors are those of --preserve-fd.
func (p *Parser) Descriptors(values []string) []int {
	return each(p, "preserve-fd", values, parse.Descriptor)
}

// choice parses one of a few words.
func choice(words ...string) func(string) (string, error) {
	return func(value string) (string, error) { return parse.Choice(value, words...) }
}

// Options reads the flags and args (image and command). It reads env and
// label files, and the caller's environment; it looks at nothing else, but for the
// existence of --cidfile.
func (f *Flags) Options(flags *pflag.FlagSet, a *cli.App, args []string) (*Options, error) {
	cfg := a.Config
	p, err := newFileParser(flags)
	if err != nil {
		return nil, err
	}
	opts := &Options{Quiet: f.quiet}
	if len(args) == 0 {
		return nil, errs.WithHint(errs.Invalidf("image is missing"), "rc "+flags.Name()+" IMAGE [COMMAND [ARG…]]")
	}
	opts.Args = args[1:]
	if f.rootfs {
		opts.Rootfs = One(p, "rootfs", args[0], func(value string) (spec.Rootfs, error) { return parse.Rootfs(value, p.cwd) })
	} else {
		opts.Image = args[0]
	}
	opts.Pull = f.pull
	if !flags.Changed("pull") && cfg.Containers.PullPolicy != "" {
		opts.Pull = cfg.Containers.PullPolicy
	}
	opts.Pull, err = parse.Pull(opts.Pull)
	p.note("pull", err)
	var platformErr error
	opts.Platform, platformErr = f.platform.Options()
	p.problems = appendProblem(p.problems, platformErr)
	f.imageOptions(p, opts)
	f.container(p, &opts.Options)
	f.life(p, cfg, &opts.Options)
	f.process(p, cfg, &opts.Options)
	f.securityOptions(p, &opts.Options)
	f.namespaces(p, &opts.Options)
	f.files(p, &opts.Options)
	f.limits(p, &opts.Options)
	if f.replace && f.name == "" {
		p.problems = append(p.problems, errs.Invalidf("--replace: it needs --name"))
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	opts.Registry, err = f.registry.Options(flags, a)
	return opts, err
}

// imageOptions are the flags about the end of the image.
func (f *Flags) imageOptions(p *Parser, o *Options) {
	if o.RemoveImage = f.rmi; !f.rmi {
		return
	}
	switch {
	case f.rootfs:
		p.problems = append(p.problems, errs.Invalidf("--rmi: with --rootfs there is no image"))
	case f.detach:
		p.problems = append(p.problems, errs.WithHint(errs.Unsupportedf("--rmi: with --detach nobody is left to remove the image when the container has ended"),
			"rc wait CONTAINER; rc rmi IMAGE"))
	case p.flags.Changed("rm") && !f.rm:
		p.problems = append(p.problems, errs.Invalidf("--rmi: the image cannot go while the container stays, as --rm=false says"))
	}
	f.rm = true
}

func (f *Flags) container(p *Parser, o *create.Options) {
	o.Name = One(p, "name", f.name, parse.Name)
	o.Replace = f.replace
	o.Labels = map[string]string{}
	for _, path := range f.labelFiles {
		p.note("label-file", withFile(path, func(file *os.File) error { return parse.LabelFile(file, path, o.Labels) }))
	}
	p.pairs("label", f.labels, o.Labels)
	o.Annotations = map[string]string{}
	p.pairs("annotation", f.annotations, o.Annotations)
	if name := os.Getenv(spec.UnitLabel); name != "" { // rc auto-update restarts the unit
		o.Labels[spec.UnitLabel] = name
	}
	o.CreateCommand = slices.Clone(os.Args)
	o.Remove = f.rm
	o.CIDFile = One(p, "cidfile", f.cidfile, p.newFile)
	o.PIDFile = One(p, "pidfile", f.pidfile, p.path)
	o.Timeout = f.timeout
	if p.flags.Changed("stop-timeout") {
		o.StopTimeout = &f.stopTimeout
	}
	o.StopSignal = One(p, "stop-signal", f.stopSignal, func(value string) (string, error) {
		_, err := linux.Signal(value)
		if err != nil {
			return "", errs.Invalidf("%q: want a name as in kill -l, or a number", value)
		}
		return value, nil
	})
}

// pairs reads KEY=VALUE flags into a map.
func (p *Parser) pairs(flag string, values []string, to map[string]string) {
	for _, value := range values {
		key, val, err := parse.Label(value)
		if err != nil {
			p.note(flag, err)
			continue
		}
		to[key] = val
	}
}

// path makes a file name absolute.
func (p *Parser) path(value string) (string, error) {
	if value == "" {
		return "", errs.Invalidf("%q: want a file name", value)
	}
	if filepath.IsAbs(value) {
		return filepath.Clean(value), nil
	}
	return filepath.Join(p.cwd, value), nil
}

// newFile refuses a file that is there.
func (p *Parser) newFile(value string) (string, error) {
	path, err := p.path(value)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", errs.WithHint(fmt.Errorf("%q: %w", value, errs.ErrExists), "rm "+value+", if its container is gone")
	}
	return path, nil
}

func withFile(path string, f func(*os.File) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%q: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	return f(file)
}

func (f *Flags) process(p *Parser, cfg *config.Config, o *create.Options) {
	o.Env = f.environment(p, cfg)
	if p.flags.Changed("entrypoint") {
		o.Entrypoint = One(p, "entrypoint", f.entrypoint, parse.Entrypoint)
	}
	o.Workdir = One(p, "workdir", f.workdir, parse.Workdir)
	o.User = One(p, "user", f.user, parse.User)
	o.Identities = f.ids.options(p)
	o.GroupAdd = f.groupAdd
	_, _, _, err := parse.Groups(f.groupAdd)
	p.note("group-add", err)
	o.Umask = Optional(p, "umask", f.umask, parse.Umask)
	o.Attach, err = parse.Attach(f.attach)
	p.note("attach", err)
	o.Stdin, o.TTY, o.SigProxy, o.Init = f.interactive, f.tty, f.sigProxy, f.init
	o.PreserveFDs = int(min(f.preserveFDs, 1<<20))
	o.PreserveFD = p.Descriptors(f.preserveFD)
	o.TZ = One(p, "tz", f.tz, parse.Timezone)
}

// proxyVariables are what --http-proxy passes on, in lower and upper case.
func proxyVariables() []string {
	return []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"}
}

// Environment reads --env-file and --env.
func (p *Parser) Environment(files, values []string) (set []string) {
	for _, path := range files {
		p.note("env-file", withFile(path, func(file *os.File) error {
			entries, err := parse.EnvFile(file, path, p.host)
			set = append(set, entries...)
			return err
		}))
	}
	for _, value := range values {
		entries, err := parse.Env(value, p.host)
		p.note("env", err)
		set = append(set, entries...)
	}
	return set
}

func (f *Flags) environment(p *Parser, cfg *config.Config) create.Env {
	env := create.Env{Unset: f.unsetEnv, UnsetAll: f.unsetEnvAll, Merge: f.envMerge}
	proxy := f.httpProxy
	if conf := cfg.Containers.HTTPProxy; conf != nil && !p.flags.Changed("http-proxy") {
		proxy = *conf
	}
	hostEnv := f.envHost || cfg.Containers.EnvHost && !p.flags.Changed("env-host")
	for _, entry := range p.host {
		key, _, _ := strings.Cut(entry, "=")
		if slices.Contains(spec.UnitVariables(), key) {
			continue
		}
		isProxy := slices.ContainsFunc(proxyVariables(), func(name string) bool {
			return key == name || key == strings.ToUpper(name)
		})
		if hostEnv || proxy && isProxy {
			env.Base = append(env.Base, entry)
		}
	}
	env.Set = p.Environment(f.envFiles, f.env)
	for _, value := range f.envMerge {
		if key, _, found := strings.Cut(value, "="); !found || key == "" {
			p.problems = append(p.problems, errs.Invalidf("--env-merge %q: want KEY=VALUE such as PATH=${PATH}:/app", value))
		}
	}
	return env
}
