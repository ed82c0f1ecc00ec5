package worker

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestDecompressTruncated(t *testing.T) {
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
			r, err := decompress(bytes.NewReader(data[:n]))
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

func TestVerifier(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       digest.Digest
		size       int64
		text       string
	}{
		{"good", "abc", digest.FromString("abc"), 3, ""},
		{"size unknown", "abc", digest.FromString("abc"), -1, ""},
		{"not compared", "abc", "", 9, ""},
		{"short", "ab", digest.FromString("abc"), 3, "it ended after 2 of 3 bytes"},
		{"long", "abcd", digest.FromString("abc"), 3, "more than the 3 bytes"},
		{"other", "abd", digest.FromString("abc"), 3, "its digest is sha256:a52d"},
	} {
		_, err := io.Copy(io.Discard, &verifier{r: strings.NewReader(c.data), want: c.want, size: c.size, hash: digest.SHA256.Hash()})
		if c.text == "" && err != nil || c.text != "" && (!errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
