package files

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

// tarOf makes an archive of words as testns.Tree has them.
func tarOf(t testing.TB, words string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for word := range strings.FieldsSeq(words) {
		h := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o640, Uid: 3, Gid: 4, ModTime: time.Unix(5000, 0)}
		text := ""
		switch {
		case strings.Contains(word, ">"):
			h.Name, h.Linkname, _ = strings.Cut(word, ">")
			h.Typeflag = tar.TypeSymlink
		case strings.Contains(word, "+"):
			h.Name, h.Linkname, _ = strings.Cut(word, "+")
			h.Typeflag = tar.TypeLink
		case strings.HasSuffix(word, "/"):
			h.Name, h.Typeflag, h.Mode = word, tar.TypeDir, 0o750
		case strings.HasSuffix(word, "|"):
			h.Name, h.Typeflag = strings.TrimSuffix(word, "|"), tar.TypeFifo
		case strings.HasSuffix(word, "*"):
			h.Name, h.Typeflag = strings.TrimSuffix(word, "*"), tar.TypeChar
		default:
			h.Name, text, _ = strings.Cut(word, "=")
			h.Size = int64(len(text))
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

// packed compresses.
func packed(t *testing.T, kind string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch kind {
	case "gz":
		w := gzip.NewWriter(&out)
		_, err = w.Write(data)
		err = errors.Join(err, w.Close())
	case "zst":
		var w *zstd.Encoder
		if w, err = zstd.NewWriter(&out); err == nil {
			_, err = w.Write(data)
			err = errors.Join(err, w.Close())
		}
	case "xz":
		var w *xz.Writer
		if w, err = xz.NewWriter(&out); err == nil {
			_, err = w.Write(data)
			err = errors.Join(err, w.Close())
		}
	case "bz2":
		cmd := exec.CommandContext(t.Context(), "bzip2", "-c")
		cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &out
		err = cmd.Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpack(t *testing.T) {
	st := openStore(t)
	no, yes := false, true
	for name, test := range map[string]struct {
		data  []byte
		lower []string
		dest  string
		copy  dockerfile.Copy
		want  string
		err   string
	}{
		"tar":                       {data: tarOf(t, "d/ d/a=1 l>d b+d/a p|"), want: "b=1 d/ d/a=1 l>d p|"},
		"gzip":                      {data: packed(t, "gz", tarOf(t, "a=1")), dest: "/x", want: "x/ x/a=1"},
		"zstd":                      {data: packed(t, "zst", tarOf(t, "a=1")), want: "a=1"},
		"xz":                        {data: packed(t, "xz", tarOf(t, "a=1")), want: "a=1"},
		"bzip2":                     {data: packed(t, "bz2", tarOf(t, "a=1")), want: "a=1"},
		"not an archive":            {data: []byte("text"), dest: "/x/", want: "x/ x/f=text"},
		"an empty archive":          {data: make([]byte, 1024), dest: "/x/", want: "x/ x/f=" + string(make([]byte, 1024))},
		"COPY":                      {data: tarOf(t, "a=1"), dest: "/f", copy: dockerfile.Copy{Unpack: &no}, want: "f=" + string(tarOf(t, "a=1"))},
		"COPY --unpack":             {data: tarOf(t, "a=1"), copy: dockerfile.Copy{Unpack: &yes}, want: "a=1"},
		"missing directories":       {data: tarOf(t, "d/e/a=1"), want: "d/ d/e/ d/e/a=1"},
		"through a link":            {data: tarOf(t, "bin/a=1"), lower: []string{"usr/bin/ bin>usr/bin"}, want: "usr/ usr/bin/ usr/bin/a=1"},
		"a link is replaced":        {data: tarOf(t, "bin/ bin/a=1"), lower: []string{"usr/bin/ bin>usr/bin"}, want: "bin/ bin/a=1"},
		"through its own link":      {data: tarOf(t, "l>/e l/a=1"), dest: "/x", want: "x/ x/e/ x/e/a=1 x/l>/e"},
		"a directory is replaced":   {data: tarOf(t, "d=1"), lower: []string{"d/a="}, want: "d=1"},
		"and comes again":           {data: tarOf(t, "d=1 d/ d/b=2"), lower: []string{"d/a="}, want: "d% d/b=2"},
		"a file is replaced":        {data: tarOf(t, "a/ a/b=1"), lower: []string{"a="}, want: "a/ a/b=1"},
		"the last one counts":       {data: tarOf(t, "a=1 a=2"), want: "a=2"},
		"a link, replaced":          {data: tarOf(t, "a=1 b+a a=2"), want: "a=2 b=1"},
		"devices are left out":      {data: tarOf(t, "a=1 null*"), want: "a=1"},
		"a whiteout":                {data: tarOf(t, ".wh.a=1"), err: `unpack "f": ".wh.a"`},
		"above":                     {data: tarOf(t, "../a=1"), err: `unpack "f": "../a": the name leads out of the archive`},
		"absolute":                  {data: tarOf(t, "/a=1"), dest: "/x", want: "x/ x/a=1"},
		"a link to what is not":     {data: tarOf(t, "a+b"), err: `unpack "f": "a": hard link to "b", which`},
		"cut off":                   {data: tarOf(t, "a=1 b=2")[:1200], err: `unpack "f": the archive is damaged`},
		"the destination is a file": {data: tarOf(t, "a=1"), lower: []string{"x="}, dest: "/x", err: `unpack "f": "/x" is not a directory`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f"), test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			var lower []string
			for i, words := range test.lower {
				lower = append(lower, testns.Tree(t, filepath.Join(t.TempDir(), string(rune('0'+i))), words))
			}
			src, err := OpenContext(dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			c := test.copy
			c.Add, c.Sources, c.Dest = true, []string{"f"}, test.dest
			if c.Dest == "" {
				c.Dest = "/"
			}
			check(t, st, src, lower, &c, test.want, test.err)
		})
	}
}

// TestUnpackedAttributes: those of the archive, or the owner of --chown.
func TestUnpackedAttributes(t *testing.T) {
	st := openStore(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), tarOf(t, "d/ d/a=1"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := OpenContext(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for chown, want := range map[string]string{
		"":    "d 750 3:4 5000\nd/a 640 3:4 5000\n",
		"7:8": "d 750 7:8 5000\nd/a 640 7:8 5000\n",
	} {
		got := attributes(t, st, src, nil, &dockerfile.Copy{Add: true, Sources: []string{"f"}, Dest: "/", Chown: chown, Chmod: "777"})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("--chown=%s: %s", chown, diff)
		}
	}
}

// server gives a file with a tag, one with a time, and one with neither; it counts what it sends.
func server(t *testing.T) (url string, sent *int) {
	t.Helper()
	sent = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch filepath.Base(r.URL.Path) {
		case "tagged":
			w.Header().Set("ETag", `"1"`)
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		case "timed":
			at := time.Unix(7000, 0).UTC().Format(http.TimeFormat)
			w.Header().Set("Last-Modified", at)
			if r.Header.Get("If-Modified-Since") == at {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		case "plain", "a.tar", "/":
		default:
			http.NotFound(w, r)
			return
		}
		*sent++
		if strings.HasSuffix(r.URL.Path, ".tar") {
			_, _ = w.Write(tarOf(t, "in=1"))
			return
		}
		_, _ = w.Write([]byte("text"))
	}))
	t.Cleanup(s.Close)
	return s.URL, sent
}

// sumOfText is the digest of what server sends.
const sumOfText = "sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"

func TestURL(t *testing.T) {
	st := openStore(t)
	url, sent := server(t)
	yes := true
	urls := t.TempDir()
	for _, test := range []struct {
		name, path string
		copy       dockerfile.Copy
		want       string // the files
		attributes string
		sent       int // by two builds, of which the second one has the layer
		err        string
	}{
		{name: "neither", path: "/plain", want: "x/ x/plain=text", attributes: "x 755 0:0 1000\nx/plain 600 0:0 0\n", sent: 2},
		{name: "tag", path: "/tagged", want: "x/ x/tagged=text", attributes: "x 755 0:0 1000\nx/tagged 600 0:0 0\n", sent: 1},
		{name: "time", path: "/timed", want: "x/ x/timed=text", attributes: "x 755 0:0 1000\nx/timed 600 0:0 7000\n", sent: 1},
		{name: "no name", path: "/", want: "x/ x/__unnamed__=text", attributes: "x 755 0:0 1000\nx/__unnamed__ 600 0:0 0\n", sent: 2},
		{name: "checksum", path: "/plain", copy: dockerfile.Copy{Checksum: sumOfText}, want: "x/ x/plain=text", attributes: "x 755 0:0 1000\nx/plain 600 0:0 0\n", sent: 1},
		{name: "chmod", path: "/plain", copy: dockerfile.Copy{Chmod: "755", Chown: "1:2"}, want: "x/ x/plain=text", attributes: "x 755 1:2 1000\nx/plain 755 1:2 0\n", sent: 2},
		{name: "archive", path: "/a.tar", want: "x/ x/a.tar=" + string(tarOf(t, "in=1")), attributes: "x 755 0:0 1000\nx/a.tar 600 0:0 0\n", sent: 2},
		{name: "unpack", path: "/a.tar", copy: dockerfile.Copy{Unpack: &yes}, want: "x/ x/in=1", attributes: "x 755 0:0 1000\nx/in 640 3:4 5000\n", sent: 2},
		{name: "another checksum", path: "/plain", copy: dockerfile.Copy{Checksum: "sha256:" + strings.Repeat("0", 64)}, err: "its digest is"},
		{name: "missing", path: "/no", err: "404"},
		{name: "COPY", path: "/plain", copy: dockerfile.Copy{Link: true}, err: "COPY does not fetch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.copy
			c.Add, c.Sources, c.Dest = !c.Link, []string{url + test.path}, "/x/"
			*sent = 0
			build := func(cached bool) (string, string, error) {
				ctx := context.Background()
				p, err := Prepare(ctx, nil, &c, Options{Now: time.Unix(1000, 0), Temp: t.TempDir(), URLs: urls})
				if err != nil {
					return "", "", err
				}
				defer p.Close()
				key, err := p.Key(ctx)
				if err != nil || cached {
					return "", key.String(), err
				}
				staged, err := p.Apply(ctx, st, nil)
				if err != nil {
					return "", "", err
				}
				defer staged.Discard()
				if diff := cmp.Diff(test.attributes, attributesOf(t, staged.Dir())); diff != "" {
					t.Error(diff)
				}
				return describe(t, staged.Dir()), key.String(), nil
			}
			got, first, err := build(false)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			_, second, err := build(true)
			if err != nil || first != second {
				t.Errorf("key %s, then %s: %v", first, second, err)
			}
			if *sent != test.sent {
				t.Errorf("it was sent %d times, want %d", *sent, test.sent)
			}
			// What is known, but has to be made again, is fetched.
			if _, _, err := build(false); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestErrorsOfURLs: errors say what was asked for.
func TestErrorsOfURLs(t *testing.T) {
	_, err := Prepare(t.Context(), nil, &dockerfile.Copy{Add: true, Sources: []string{"http://127.0.0.1:1/x"}, Dest: "/"}, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), `"http://127.0.0.1:1/x": `) {
		t.Error(err)
	}
	_, err = Prepare(t.Context(), nil, &dockerfile.Copy{Add: true, Sources: []string{"x"}, Checksum: sumOfText, Dest: "/"}, Options{})
	if !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
}
