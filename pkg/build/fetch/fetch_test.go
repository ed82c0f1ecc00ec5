package fetch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/build/origin"
	"github.com/rc-containers/rc/pkg/errs"
)

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, text := range files {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, text = tar.TypeSymlink, target, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestUnpack: what comes by a stream is an archive, compressed or not, or a Dockerfile.
func TestUnpack(t *testing.T) {
	archive := tarOf(t, map[string]string{"Dockerfile": "FROM scratch\n", "sub/file": "text"})
	for name, data := range map[string][]byte{"tar": archive, "tar.gz": zipped(t, archive)} {
		f, err := unpack(t.Context(), bytes.NewReader(data), origin.Request{Dir: t.TempDir()})
		if err != nil || f.Dockerfile != "" {
			t.Errorf("%s: %+v, %v", name, f, err)
			continue
		}
		if text, err := os.ReadFile(filepath.Join(f.Dir, "sub/file")); string(text) != "text" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for name, data := range map[string][]byte{"text": []byte("FROM alpine"), "text.gz": zipped(t, []byte("FROM alpine"))} {
		f, err := unpack(t.Context(), bytes.NewReader(data), origin.Request{Dir: t.TempDir()})
		if text, readErr := os.ReadFile(f.Dockerfile); err != nil || readErr != nil || f.Dir != "" || string(text) != "FROM alpine" {
			t.Errorf("%s: %+v, %q, %v", name, f, text, err)
		}
	}
	refused := map[string][]byte{
		"empty": nil, "blank": []byte(" \n"), "binary": []byte("\x7fELF\x00\x00"), "cut": archive[:514], "cut.gz": zipped(t, archive)[:40],
		"outside": tarOf(t, map[string]string{"../../../tmp/x": "y"}),
	}
	for name, data := range refused {
		if _, err := unpack(t.Context(), bytes.NewReader(data), origin.Request{Dir: t.TempDir()}); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLinks: no link of an archive leads what comes after it out of the context.
func TestLinks(t *testing.T) {
	outside := t.TempDir()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, h := range []tar.Header{
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: outside},
		{Name: "link/evil", Typeflag: tar.TypeReg, Mode: 0o644},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := unpack(t.Context(), &data, origin.Request{Dir: t.TempDir()})
	if left, readErr := os.ReadDir(outside); len(left) > 0 || readErr != nil {
		t.Errorf("%v outside, %v, %v", left, readErr, err)
	}
}

func TestGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/Dockerfile" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("FROM scratch"))
	}))
	defer server.Close()
	f, err := fetch(t.Context(), origin.Request{Value: server.URL + "/Dockerfile", Dir: t.TempDir()})
	if err != nil || f.Dockerfile == "" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := fetch(t.Context(), origin.Request{Value: server.URL + "/no", Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

func FuzzIsTar(f *testing.F) {
	f.Add(bytes.Repeat([]byte("0"), 512))
	f.Fuzz(func(_ *testing.T, head []byte) { isTar(head) })
}
