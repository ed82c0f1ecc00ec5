package fetch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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

// TestGit: a branch, a directory of it, a link that leads out, and what is not there.
func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(t.TempDir(), "app.git")
	script := `set -e
git init --quiet --initial-branch=main "$1"; cd "$1"
git config user.name x; git config user.email x@example.com; git config uploadpack.allowAnySHA1InWant true
mkdir docker; echo 'FROM scratch' > docker/Dockerfile; ln -s / docker/out
git add .; git commit --quiet -m 1
git checkout --quiet -b next; echo 2 > second; git add .; git commit --quiet -m 2; git checkout --quiet main`
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", repo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	at := func(fragment string) (origin.Fetched, error) {
		ref, _, err := parseGit("https://example.com/app.git" + fragment)
		if err != nil {
			return origin.Fetched{}, err
		}
		ref.Remote = "file://" + repo
		return checkout(t.Context(), ref, origin.Request{Dir: t.TempDir()})
	}
	for fragment, file := range map[string]string{"": "docker/Dockerfile", "#next": "second", "#main:docker": "Dockerfile"} {
		f, err := at(fragment)
		if err != nil {
			t.Errorf("%q: %v", fragment, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(f.Dir, file)); err != nil {
			t.Errorf("%q: %v", fragment, err)
		}
		if _, err := os.Stat(filepath.Join(f.Dir, ".git")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: .git is there: %v", fragment, err)
		}
	}
	for _, fragment := range []string{"#none", "#main:none", "#main:docker/out", "#main:docker/Dockerfile", "#--upload-pack=x"} {
		if f, err := at(fragment); err == nil {
			t.Errorf("%q: %+v", fragment, f)
		}
	}
}

func FuzzIsTar(f *testing.F) {
	f.Add(bytes.Repeat([]byte("0"), 512))
	f.Fuzz(func(_ *testing.T, head []byte) { isTar(head) })
}
