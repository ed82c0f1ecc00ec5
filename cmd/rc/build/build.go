package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/origin"
	"github.com/rc-containers/rc/pkg/build/runner"
	"github.com/rc-containers/rc/pkg/errs"
)

func newBuildCommand(a *cli.App, runF cli.RunFunc[buildOptions]) *cobra.Command {
	flags := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "build [options] [CONTEXT]",
		Short: "Build an image from a Dockerfile",
		Long: `Builds an image from a Dockerfile and the files of a context: a directory (the working directory where none
is given), a tar archive or a Dockerfile on standard input (-), a URL of one, or a git repository:
URL[#REF[:DIRECTORY]]. The Dockerfile is called Containerfile or Dockerfile; .containerignore or .dockerignore says
what the context leaves out.

Steps that have been carried out before, on the same files, are not carried out again: rc builder du lists what is kept
for that, and rc builder prune deletes it. The image's id is printed at the end; progress goes to standard error.
A RUN that fails gives rc its exit code.

Accepted and without effect, for scripts written for docker and podman:
` + noOpHelp(),
		Example: `rc build -t app .
rc build -t app -f docker/Dockerfile --build-arg VERSION=1.2 --target release .
rc build --secret id=token,src=token.txt --ssh default -t app .
rc build -o out .
rc build -t app https://example.com/team/app.git#v1.2:docker
echo 'FROM alpine' | rc build -t app -`,
		Args: cli.Between(0, 1, "the context"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options(cmd.Flags(), a, args)
			if err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags.add(a, cmd)
	return cmd
}

func noOpHelp() string {
	var text strings.Builder
	for _, n := range noOps() {
		text.WriteString("  --" + n.name + ": " + n.why + "\n")
	}
	return text.String()
}

// buildImage builds for each platform, and gives away what was built.
func buildImage(ctx context.Context, a *cli.App, o *buildOptions) error {
	s := &session{a: a, o: o}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	results := make([]build.Result, 0, len(o.Platform))
	for _, platform := range o.Platform {
		result, err := s.build(ctx, platform)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	return s.finish(ctx, results)
}

// session is one call of rc build.
type session struct {
	a       *cli.App
	o       *buildOptions
	out     *os.File // where progress goes
	origins []*origin.Origin
	before  map[string]bool // the images that were there
}

func (s *session) close() {
	for _, o := range s.origins {
		o.Close()
	}
	if s.out != nil && s.out != s.a.Stderr {
		s.out.Close()
	}
}

// open fetches what has to be fetched, and finds the Dockerfile.
func (s *session) open(ctx context.Context) error {
	o := s.o
	s.out = s.a.Stderr
	if o.LogFile != "" {
		f, err := os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("--logfile: %w", err)
		}
		s.out = f
	}
	if o.Quiet {
		o.Progress = progressQuiet
	}
	var err error
	if !o.keeps() {
		if s.before, err = present(ctx, s.a.Config); err != nil {
			return err
		}
	}
	main, err := origin.Open(ctx, s.a.Config, o.Context, o.KeepGit, s.a.Stdin)
	if err != nil {
		return err
	}
	s.origins = append(s.origins, main)
	o.Options.Context, o.Remembered = main.Dir, main.Own
	o.Contexts = map[string]build.NamedContext{}
	for _, named := range o.Named {
		if o.Contexts[named.key], err = s.named(ctx, named); err != nil {
			return err
		}
	}
	return s.findDockerfile(ctx, main)
}

// named gets one --build-context.
func (s *session) named(ctx context.Context, n pair) (build.NamedContext, error) {
	for _, prefix := range []string{"docker-image://", "container-image://", "docker://"} {
		if name, ok := strings.CutPrefix(n.value, prefix); ok {
			return build.NamedContext{Image: name}, nil
		}
	}
	if path, ok := strings.CutPrefix(n.value, "oci-layout://"); ok {
		path, err := filepath.Abs(path)
		return build.NamedContext{Image: "oci:" + path}, err
	}
	o, err := origin.Open(ctx, s.a.Config, n.value, s.o.KeepGit, nil)
	if err != nil {
		return build.NamedContext{}, fmt.Errorf("--build-context %s: %w", n.key, err)
	}
	s.origins = append(s.origins, o)
	if o.Dir == "" {
		return build.NamedContext{}, errs.Invalidf("--build-context %s: %q is a file, want a directory or an archive", n.key, n.value)
	}
	return build.NamedContext{Dir: o.Dir}, nil
}

// dockerfiles are the names by which a context's own is found.
func dockerfiles() []string { return []string{"Containerfile", "Dockerfile"} }

func (s *session) findDockerfile(ctx context.Context, main *origin.Origin) error {
	o := s.o
	switch {
	case main.Dockerfile != "" && o.File != "":
		return errs.Invalidf("--file %q: what the context %q gives is a Dockerfile itself", o.File, o.Context)
	case main.Dockerfile != "":
		o.Dockerfile, o.Name = main.Dockerfile, o.Context
		if o.Context == origin.Stdin {
			o.Name = "Dockerfile"
		}
		return nil
	case o.File == origin.Stdin, origin.IsRemote(o.File):
		file, err := origin.OpenFile(ctx, s.a.Config, o.File, s.a.Stdin)
		if err != nil {
			return err
		}
		s.origins = append(s.origins, file)
		o.Dockerfile, o.Name = file.Dockerfile, o.File
		if o.File == origin.Stdin {
			o.Name = "Dockerfile"
		}
		return nil
	case o.File != "":
		return s.locate(main)
	}
	for _, name := range dockerfiles() {
		path := filepath.Join(main.Dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			o.Dockerfile, o.Name = path, name
			return nil
		}
	}
	return errs.WithHint(fmt.Errorf("context %q: neither Containerfile nor Dockerfile: %w", o.Context, errs.ErrNotFound), "rc build -f FILE "+o.Context)
}

// locate finds the file of -f: in the working directory, or else in the context.
func (s *session) locate(main *origin.Origin) error {
	o := s.o
	tries := []string{o.File, filepath.Join(main.Dir, o.File)}
	if !main.Own { // what is here is not of the context that was fetched
		tries = []string{filepath.Join(main.Dir, o.File), o.File}
	}
	var first error
	for _, path := range tries {
		st, err := os.Stat(path)
		if err == nil && st.IsDir() {
			err = errs.Invalidf("it is a directory")
		} else if err != nil {
			err = errors.Unwrap(err)
		}
		if err == nil {
			o.Name = o.File
			o.Dockerfile, err = filepath.Abs(path)
			return err
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("--file %q: %w", o.File, first)
}

// build builds for one platform.
func (s *session) build(ctx context.Context, platform string) (last build.Result, err error) {
	o := s.o.Options
	o.Platform = platform
	if len(s.o.Platform) > 1 {
		o.Tags = nil
	}
	r, err := runner.New(ctx, s.a.Config, s.o.Run)
	if err != nil {
		return build.Result{}, err
	}
	defer func() { _ = r.Close() }() // what stays the next build takes away
	for _, out := range s.passes(platform) {
		o.Export = out
		if last, err = s.once(ctx, o, r); err != nil {
			return last, err
		}
		o.NoCache, o.NoCacheFilter, o.CacheTo = false, nil, nil // another pass gives the same away once more
	}
	return last, nil
}

// once builds with progress.
func (s *session) once(ctx context.Context, o build.Options, r *runner.Runner) (build.Result, error) {
	p, err := newProgress(s.o.Progress, s.out)
	if err != nil {
		return build.Result{}, err
	}
	result, err := build.Build(ctx, s.a.Config, o, r, p.Event)
	p.End()
	if failed := p.Failed(); err != nil && failed != nil && ctx.Err() == nil {
		explain(s.a.Stderr, failed, o.Dockerfile, o.Name)
		if failed.code != 0 {
			err = errs.WithCode(err, failed.code)
		}
	}
	return result, err
}
