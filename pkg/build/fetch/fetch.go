// Package fetch gets the contexts of builds that are not directories of the user's: archives and Dockerfiles from standard
// input and by HTTP, and git repositories. It is what rc-image does with the word "fetch" (package origin),
// on the host, as the user: git finds the user's own settings and keys.
package fetch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/build/origin"
	"github.com/rc-containers/rc/pkg/build/remote"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/linux"
)

// callerFD ends when rc does.
const callerFD = 3

// Main is the program: request as its argument, answer on standard output.
func Main(request string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	caught := make(chan os.Signal, 1)
	linux.Catch(caught, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		<-caught
		cancel()
	}()
	go func() {
		_, _ = os.NewFile(callerFD, "rc").Read(make([]byte, 1))
		cancel()
	}()
	var r origin.Request
	var a origin.Answer
	err := json.Unmarshal([]byte(request), &r)
	if err == nil {
		a.Fetched, err = fetch(ctx, r)
	}
	if err != nil {
		what := "context"
		if r.File {
			what = "Dockerfile"
		}
		a.Error = image.NewFailure(fmt.Errorf("%s %q: %w", what, r.Value, err))
	}
	if json.NewEncoder(os.Stdout).Encode(a) != nil || err != nil {
		return errs.CodeError
	}
	return 0
}

func fetch(ctx context.Context, r origin.Request) (origin.Fetched, error) {
	if r.Value == origin.Stdin {
		return unpack(ctx, os.Stdin, r)
	}
	if !r.File {
		ref, err := remote.ParseRepository(r.Value)
		if err != nil {
			return origin.Fetched{}, err
		}
		if ref != nil {
			return checkout(ctx, ref, r)
		}
	}
	response, err := remote.Get(ctx, r.Value, nil)
	if err != nil {
		return origin.Fetched{}, err
	}
	defer response.Body.Close()
	return unpack(ctx, response.Body, r)
}

// longestDockerfile is more than anybody writes, in bytes.
const longestDockerfile = 16 << 20

// unpack makes a context of an archive, or a Dockerfile of anything else.
func unpack(ctx context.Context, in io.Reader, r origin.Request) (f origin.Fetched, err error) {
	plain, err := compress.Reader(in)
	if err != nil {
		return f, err
	}
	defer plain.Close()
	text := bufio.NewReaderSize(plain, 64<<10)
	head, err := text.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return f, err
	}
	if len(bytes.TrimSpace(head)) == 0 && len(head) < 512 {
		return f, errs.Invalidf("it is empty")
	}
	if !r.File && isTar(head) {
		f.Dir = filepath.Join(r.Dir, "context")
		return f, extract(ctx, text, f.Dir)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return f, errs.Invalidf("it is neither a tar archive nor a Dockerfile")
	}
	f.Dockerfile = filepath.Join(r.Dir, "Dockerfile")
	out, err := os.OpenFile(f.Dockerfile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return f, err
	}
	defer out.Close()
	n, err := io.Copy(out, io.LimitReader(text, longestDockerfile+1))
	if err == nil && n > longestDockerfile {
		err = errs.Invalidf("a Dockerfile of more than %d bytes", longestDockerfile)
	}
	return f, errors.Join(err, out.Close())
}

// isTar looks for the magic of POSIX and of GNU, and for an old header's sum.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	if bytes.HasPrefix(head[257:], []byte("ustar")) {
		return true
	}
	sum := 0
	for i, b := range head {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int(b)
	}
	want := 0
	for _, b := range bytes.Trim(head[148:156], " \x00") {
		if b < '0' || b > '7' {
			return false
		}
		want = want<<3 | int(b-'0')
	}
	return want == sum
}

func extract(ctx context.Context, in io.Reader, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	self := func(int, int) (int, int) { return os.Getuid(), os.Getgid() }
	return archive.Unpack(ctx, in, archive.Dest{Root: root, Path: "/"}, archive.UnpackOptions{
		Owner: self, Confined: true, Overwrite: true, Foreign: true,
		Warn: func(err error) { fmt.Fprintln(os.Stderr, "Warning:", err) },
	})
}

// checkout fetches one commit of a repository, and its submodules, with the user's settings of git.
func checkout(ctx context.Context, ref *remote.Repository, r origin.Request) (f origin.Fetched, err error) {
	dir := filepath.Join(r.Dir, "context")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return f, err
	}
	f.Dir, err = remote.Git{Env: os.Environ(), KeepDir: r.KeepGit}.Checkout(ctx, ref, "", dir)
	return f, err
}
