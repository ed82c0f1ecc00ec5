package compress

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/rc-containers/rc/pkg/errs"
)

// maxWindow bounds what a zstd frame may make us allocate; images use at most 8 MB.
const maxWindow = 128 << 20

// Reader reads gzip, zstd, bzip2 and xz by what the stream begins with; anything else is
// taken as it is.
func Reader(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var plain io.ReadCloser
	switch m := string(magic); {
	case len(m) >= 2 && m[:2] == "\x1f\x8b":
		// Not pgzip: unpacking runs beside this anyway (the tar-split goroutine reads), and pgzip
		// takes an archive that is cut off for one that has ended.
		plain, err = kgzip.NewReader(b)
	case len(m) >= 4 && m[:4] == "\x28\xb5\x2f\xfd" || len(m) >= 4 && m[1:4] == "\x2a\x4d\x18" && m[0]&0xf0 == 0x50:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(b, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2)); err == nil {
			plain = d.IOReadCloser()
		}
	case len(m) >= 3 && m[:3] == "BZh":
		plain = io.NopCloser(bzip2.NewReader(b))
	case m == "\xfd7zXZ\x00":
		var x *xz.Reader
		if x, err = xz.NewReader(b); err == nil {
			plain = io.NopCloser(x)
		}
	default:
		return io.NopCloser(b), nil
	}
	if err != nil {
		return nil, errs.Invalidf("decompress: %w", err)
	}
	return &damaged{plain}, nil
}

// damaged marks the errors of a decompressor as errors of its input.
type damaged struct{ io.ReadCloser }

func (d *damaged) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errs.ErrInvalid) {
		err = errs.Invalidf("decompress: %w", err)
	}
	return n, err
}
