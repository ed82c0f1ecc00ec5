// Package origin says where the context of a build is: a directory of the user's, or what package fetch has
// made of standard input, a URL or a git repository. Fetching is a program's work (rc-image with the
// word "fetch", on the host, as the user): what it links would cost at each start of rc.
package origin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

// Word is the argument that makes rc-image fetch.
const Word = "fetch"

// Stdin as a value is standard input.
const Stdin = "-"

// Origin is a context that is on the disk. Close it.
type Origin struct {
	Fetched
	// Own says that Dir is the user's own directory.
	Own bool

	made string // directory to delete
	lock *index.Lock
}

// Fetched is what fetching gives.
type Fetched struct {
	// Dir is the directory of the context, "" where there is only a Dockerfile.
	Dir string `json:"dir,omitempty"`
	// Dockerfile is a file that is the Dockerfile itself, "" where it is in Dir.
	Dockerfile string `json:"dockerfile,omitempty"`
}

// Request says what to fetch, and into which empty directory.
type Request struct {
	Value string `json:"value"`
	Dir   string `json:"dir"`
	// KeepGit leaves a repository's .git in the context.
	KeepGit bool `json:"keepGit,omitempty"`
	// File wants one file, the Dockerfile: -f URL.
	File bool `json:"file,omitempty"`
}

// Answer is the last thing that the program says.
type Answer struct {
	Fetched
	Error *image.Failure `json:"error,omitempty"`
}

// IsRemote says whether a value stands for something that has to be fetched: a URL, or a git repository as docker
// knows it.
func IsRemote(value string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(value, prefix) {
			return true
		}
	}
	return false
}

// Open gets a context: of what value names. A directory of that name comes first, as with docker.
func Open(ctx context.Context, cfg *config.Config, value string, keepGit bool, stdin *os.File) (*Origin, error) {
	if value != Stdin {
		st, err := os.Stat(value)
		switch {
		case err == nil && st.IsDir():
			dir, err := filepath.Abs(value)
			return &Origin{Fetched: Fetched{Dir: dir}, Own: true}, err
		case err == nil:
			return nil, errs.WithHint(errs.Invalidf("context %q: it is not a directory", value), "rc build - < "+value)
		case !IsRemote(value):
			return nil, fmt.Errorf("context %q: %w", value, errors.Unwrap(err))
		}
	}
	return fetch(ctx, cfg, Request{Value: value, KeepGit: keepGit}, stdin)
}

// OpenFile gets the Dockerfile that -f names by a URL or by "-".
func OpenFile(ctx context.Context, cfg *config.Config, value string, stdin *os.File) (*Origin, error) {
	return fetch(ctx, cfg, Request{Value: value, File: true}, stdin)
}

func fetch(ctx context.Context, cfg *config.Config, r Request, stdin *os.File) (_ *Origin, err error) {
	o := &Origin{}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if err := o.makeDir(ctx, cfg); err != nil {
		return nil, err
	}
	r.Dir = o.made
	request, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	path, err := config.Program("rc-image")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, Word, string(request))
	if r.Value == Stdin {
		cmd.Stdin = stdin
	}
	cmd.Stderr = os.Stderr
	// The end of this pipe tells it that rc is gone.
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var a Answer
	if json.Unmarshal(out, &a) != nil {
		return nil, fmt.Errorf("context %q: rc-image ended without an answer: %w", r.Value, err)
	}
	if err := a.Error.Err(); err != nil {
		return nil, err
	}
	o.Fetched = a.Fetched
	return o, nil
}

// contexts is where what is fetched lies.
func contexts(cfg *config.Config) string { return filepath.Join(cfg.DataRoot, "build", "contexts") }

// makeDir makes a directory that is locked as long as this process lives, and sweeps those that are not.
func (o *Origin) makeDir(ctx context.Context, cfg *config.Config) error {
	base := contexts(cfg)
	if err := os.MkdirAll(base, 0o700); err != nil {
		return fmt.Errorf("make room for the context: %w", err)
	}
	guard, err := index.Flock(ctx, base+".lock", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer guard.Release()
	left, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, entry := range left {
		if dir, isDir := filepath.Join(base, entry.Name()), entry.IsDir(); isDir {
			if lock, err := index.Flock(ctx, dir+".lock", unix.LOCK_EX|unix.LOCK_NB); err == nil {
				remove(dir)
				os.Remove(dir + ".lock")
				lock.Release()
			}
		}
	}
	if o.made, err = os.MkdirTemp(base, ""); err != nil {
		return fmt.Errorf("make room for the context: %w", err)
	}
	o.lock, err = index.Flock(ctx, o.made+".lock", unix.LOCK_EX|unix.LOCK_NB)
	return err
}

// Close deletes what was fetched.
func (o *Origin) Close() {
	if o.made != "" {
		remove(o.made)
		os.Remove(o.made + ".lock")
		o.made = ""
	}
	o.lock.Release()
}

// remove deletes a tree that an archive may have given directories without permissions.
func remove(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir) // what stays, the next build sweeps
}
