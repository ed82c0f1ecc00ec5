package worker

import (
	"errors"
	"hash"
	"io"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/errs"
)

// verifier compares what passes through with its digest and size; a difference is an
// error in place of the end of file.
type verifier struct {
	r    io.Reader
	want digest.Digest // "" is not compared
	size int64         // -1 is not compared
	hash hash.Hash
	n    int64
	err  error
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.read(p)
	v.err = err
	return n, err
}

func (v *verifier) read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.n += int64(n)
	v.hash.Write(p[:n])
	if v.want == "" {
		return n, err
	}
	if v.size >= 0 && v.n > v.size {
		return n, errs.Invalidf("more than the %d bytes that the manifest says", v.size)
	}
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if v.size >= 0 && v.n < v.size {
		return n, errs.Invalidf("it ended after %d of %d bytes: %w", v.n, v.size, io.ErrUnexpectedEOF)
	}
	if got := digest.NewDigest(digest.SHA256, v.hash); got != v.want {
		return n, errs.Invalidf("its digest is %s, not %s", got, v.want)
	}
	return n, io.EOF
}
