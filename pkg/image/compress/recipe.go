package compress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"

	"github.com/rc-containers/rc/pkg/errs"
)

// Format is how a layer is compressed.
type Format string

// Formats.
const (
	None Format = ""
	Gzip Format = "gzip"
	Zstd Format = "zstd"
)

// Recipe names a program and its level: pgzip, go-1. It is kept on disk.
type Recipe string

// kinds are the programs, with the levels that they have.
const (
	kindGo    = "go"    // compress/gzip: docker, buildkit, containerd
	kindPgzip = "pgzip" // in blocks of 1 MiB: podman, buildah, skopeo
	kindFast  = "fast"  // the gzip of klauspost/compress
	kindGNU   = "gnu"   // gzip(1): images packed by scripts
	kindZstd  = "zstd"  // of klauspost/compress: all of them
)

// Format is what the recipe makes.
func (r Recipe) Format() Format {
	if r == kindZstd || strings.HasPrefix(string(r), kindZstd+"-") {
		return Zstd
	}
	if r == "" {
		return None
	}
	return Gzip
}

// Levels are the lowest and highest compression levels of a format.
func Levels(f Format) (low, high int) {
	if f == Zstd {
		return 1, 20
	}
	return 1, 9
}

// For is the recipe that rc makes new blobs by: podman's. level is nil for the usual one.
func For(f Format, level *int) (Recipe, error) {
	kind := map[Format]string{Gzip: kindPgzip, Zstd: kindZstd}[f]
	if kind == "" {
		return "", errs.Invalidf("compression %q: want gzip or zstd", f)
	}
	if level == nil {
		return Recipe(kind), nil
	}
	if low, high := Levels(f); *level < low || *level > high {
		return "", errs.Invalidf("compression level %d: %s has %d to %d", *level, f, low, high)
	}
	return Recipe(kind + "-" + strconv.Itoa(*level)), nil
}

// Recipes are those by which a blob that somebody else made may have been made, the likeliest first. head is how it
// begins; without it only the two that nearly all tools use are worth a try.
func Recipes(f Format, head []byte) []Recipe {
	switch {
	case f == Zstd && len(head) == 0:
		return []Recipe{kindZstd}
	case f == Zstd:
		return []Recipe{kindZstd, kindZstd + "-1", kindZstd + "-6", kindZstd + "-11"}
	case f != Gzip:
		return nil
	case len(head) == 0:
		return []Recipe{kindGo, kindPgzip}
	}
	// RFC 1952: the tenth byte is the operating system. Go's libraries say 255, unknown; gzip(1) says 3, Unix.
	const osField, osUnix = 9, 3
	if len(head) > osField && head[osField] == osUnix {
		return []Recipe{kindGNU + "-6", kindGNU + "-9"}
	}
	return []Recipe{kindGo, kindPgzip, kindGo + "-1", kindGo + "-9", kindFast, kindPgzip + "-9", kindPgzip + "-1", kindFast + "-1", kindFast + "-9"}
}

func (r Recipe) split() (kind string, level int, err error) {
	kind, digits, found := strings.Cut(string(r), "-")
	if !found {
		return kind, gzip.DefaultCompression, nil
	}
	level, err = strconv.Atoi(digits)
	if err != nil {
		return "", 0, errs.Invalidf("compression recipe %q is unknown", r)
	}
	return kind, level, nil
}

// blockSize is pgzip's: what its users take, and thereby part of the recipe.
const blockSize = 1 << 20

// writer begins to compress to w.
func (r Recipe) writer(w io.Writer) (io.WriteCloser, error) {
	kind, level, err := r.split()
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindGo:
		return gzip.NewWriterLevel(w, level)
	case kindFast:
		return kgzip.NewWriterLevel(w, level)
	case kindPgzip:
		z, err := pgzip.NewWriterLevel(w, level)
		if err == nil {
			err = z.SetConcurrency(blockSize, max(runtime.GOMAXPROCS(0), 2))
		}
		return z, err
	case kindZstd:
		speed := zstd.SpeedDefault
		if level > 0 {
			speed = zstd.EncoderLevelFromZstd(level)
		}
		return zstd.NewWriter(w, zstd.WithEncoderLevel(speed))
	case kindGNU:
		return external(w, level)
	}
	return nil, errs.Invalidf("compression recipe %q is unknown", r)
}

// Compress writes what the recipe makes of all that r has; "" copies it.
func (r Recipe) Compress(w io.Writer, from io.Reader) error {
	if r == "" {
		_, err := io.Copy(w, from)
		return err
	}
	z, err := r.writer(w)
	if err != nil {
		return fmt.Errorf("compress by %s: %w", r, err)
	}
	_, err = io.Copy(z, from)
	return errors.Join(err, z.Close())
}

// Reader gives what the recipe makes of all that r has. The caller closes it, which does not close from.
func (r Recipe) Reader(from io.Reader) io.ReadCloser {
	if r == "" {
		return io.NopCloser(from)
	}
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.CloseWithError(r.Compress(out, from))
	}()
	return &reader{in, done}
}

type reader struct {
	*io.PipeReader
	done chan struct{}
}

// Close waits until nobody reads the source any more.
func (r *reader) Close() error {
	err := r.PipeReader.Close()
	<-r.done
	return err
}

// Begins says whether what the recipe makes of an archive begins with head.
func (r Recipe) Begins(from io.Reader, head []byte) (bool, error) {
	got := r.Reader(from)
	defer got.Close()
	have := make([]byte, len(head))
	n, err := io.ReadFull(got, have)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return n == len(head) && bytes.Equal(have, head), err
}

// external compresses with gzip(1), which every Debian has. Without it the recipe does not help.
func external(w io.Writer, level int) (io.WriteCloser, error) {
	cmd := exec.Command("gzip", "-n", "-"+strconv.Itoa(level)) //nolint:noctx // it ends with its input
	cmd.Stdout = w
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &program{in, cmd}, nil
}

type program struct {
	io.WriteCloser
	cmd *exec.Cmd
}

func (p *program) Close() error {
	return errors.Join(p.WriteCloser.Close(), p.cmd.Wait())
}
