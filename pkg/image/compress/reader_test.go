package compress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestReaderTruncated(t *testing.T) {
	plain := []byte(strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 3000))
	var g bytes.Buffer
	w := gzip.NewWriter(&g)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"gzip": g.Bytes(), "zstd": e.EncodeAll(plain, nil)} {
		for n := 7; n <= len(data); n++ {
			r, err := Reader(bytes.NewReader(data[:n]))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if whole := n == len(data); whole != (err == nil) {
				t.Fatalf("%s: %d of %d bytes: %d bytes, %v", name, n, len(data), len(got), err)
			} else if whole && !bytes.Equal(got, plain) {
				t.Errorf("%s: other bytes came out", name)
			} else if !whole && !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
