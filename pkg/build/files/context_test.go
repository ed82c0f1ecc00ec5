package files

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/test/testns"
)

// TestMissing: what is said of a path that is not there.
func TestMissing(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), "src/main.go= README.md= x.log= l>/etc/passwd d>none")
	ignore, err := ParseIgnore([]byte("# logs\n\n*.log\n"), ".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	src, err := OpenContext(dir, ignore, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for path, hint := range map[string]string{
		"src/man.go": `there is "src/main.go"`,
		"Src/x":      `there is "src"`,
		"readme.md":  `there is "README.md"`,
		"x.log":      `it is ignored: "*.log", line 3 of .dockerignore; add !x.log below that`,
		"y.log":      "",
		"nothing":    "",
		"../x":       "what is above " + dir + " cannot be copied",
		"l":          `"l" is a link to "/etc/passwd": links cannot leave the build context`,
		"d/x":        `"d" is a link to "none": links cannot leave the build context`,
	} {
		_, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{path}, Dest: "/"}, Options{})
		if !errors.Is(err, errs.ErrNotFound) || hint == "" && errs.Hint(err) != "" || !strings.HasPrefix(errs.Hint(err), hint) {
			t.Errorf("%s: %v, hint %q, want %q", path, err, errs.Hint(err), hint)
		}
	}
}

// TestHide: directories that are nobody's business are not there.
func TestHide(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), "a= home/x= home/storage/y= home/storage/z/w=")
	src, err := OpenContext(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	src.Hide(dir+"/home/storage", dir+"/none")
	p, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{"."}, Dest: "/"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var names []string
	var list func(k *pick)
	list = func(k *pick) {
		names = append(names, k.name)
		for _, kid := range k.kids {
			list(kid)
		}
	}
	list(p.matches[0].top)
	if diff := cmp.Diff([]string{"", "a", "home", "x"}, names); diff != "" {
		t.Error(diff)
	}
	if _, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{"home/storage/y"}, Dest: "/"}, Options{}); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
}

func TestFindIgnore(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), ".dockerignore= other= d/Dockerfile= d/Dockerfile.dockerignore= e/.containerignore= e/.dockerignore= f/")
	for _, test := range []struct{ context, dockerfile, explicit, want string }{
		{"", "/d/Dockerfile", "", "Dockerfile.dockerignore"},
		{"", "/x", "", ".dockerignore"},
		{"", "/d/Dockerfile", "/other", "other"},
		{"/e", "/x", "", ".containerignore"},
		{"/f", "/x", "", ""},
	} {
		if test.explicit != "" {
			test.explicit = dir + test.explicit
		}
		ig, err := FindIgnore(dir+test.context, dir+test.dockerfile, test.explicit)
		got := ""
		if ig != nil {
			got = ig.Name
		}
		if err != nil || got != test.want {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
	if _, err := FindIgnore(dir, "", dir+"/none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := ParseIgnore([]byte("a\n[b"), "x"); err == nil || !strings.HasPrefix(err.Error(), "x:2: ") {
		t.Error(err)
	}
}

// TestMaterialize: what is ignored is hidden by whiteouts, and nothing is copied.
func TestMaterialize(t *testing.T) {
	dir := testns.Tree(t, t.TempDir(), "a= b= d/e/f= d/g= h/i= k/l/m=")
	ignore, err := ParseIgnore([]byte("b\nd/*\n!d/g\nh\nk/l"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, ig := range []*Ignore{nil, ignore} {
		src, err := OpenContext(dir, ig, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		lower, _, err := Materialize(t.Context(), src, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if ig == nil {
			if diff := cmp.Diff([]string{dir}, lower); diff != "" {
				t.Error(diff)
			}
			continue
		}
		var out bytes.Buffer
		if err := ExportTar(t.Context(), &out, lower, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("a d/ d/g k/", strings.Join(namesOf(t, &out), " ")); diff != "" {
			t.Error(diff)
		}
	}
}

func namesOf(t *testing.T, r io.Reader) (names []string) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// TestExportDir: what layers show, in a directory whose links lead nowhere.
func TestExportDir(t *testing.T) {
	outside := t.TempDir()
	lower := []string{
		testns.Tree(t, t.TempDir(), "!a d/b= l/x="),
		testns.Tree(t, t.TempDir(), "a= d/c= s>"+outside),
	}
	dir := filepath.Join(t.TempDir(), "sub", "out")
	testns.Tree(t, dir, "kept= l>"+outside)
	if err := ExportDir(t.Context(), dir, lower, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("d/ d/b=d/b d/c=d/c kept=kept l/ l/x=l/x s>"+outside, describe(t, dir)); diff != "" {
		t.Error(diff)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

// TestNames: names that are no text are copied as they are.
func TestNames(t *testing.T) {
	st := openStore(t)
	dir := t.TempDir()
	want := ""
	for _, name := range []string{" ", "\xff\xfe", "new\nline", strings.Repeat("long", 60), "ü"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		want += name
	}
	src, err := OpenContext(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p, err := Prepare(t.Context(), src, &dockerfile.Copy{Sources: []string{"."}, Dest: "/"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := p.Apply(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	id, diffID := staged.DiffID.Encoded(), staged.DiffID
	if err := st.Commit(t.Context(), staged, id, "", ""); err != nil {
		t.Fatal(err)
	}
	r, err := st.LayerTar(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	again, err := st.Stage(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Discard()
	entries, err := os.ReadDir(again.Dir())
	got := 0
	for _, e := range entries {
		got += len(e.Name())
	}
	if err != nil || again.DiffID != diffID || len(entries) != 5 || got != len(want) {
		t.Errorf("digest %s, want %s; %v, %v", again.DiffID, diffID, entries, err)
	}
}
