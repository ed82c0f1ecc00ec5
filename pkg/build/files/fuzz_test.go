package files

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
)

const fuzzTree = "a= b/a= b/c/a.txt= b/c/[x]= b/d/e/f= d/.x= d/e.go= x-y/z= *s="

// FuzzIgnore: what a filtered context shows is what the patterns say of each path by itself, and the directories above it;
// and directories that are left out hold nothing that is not.
func FuzzIgnore(f *testing.F) {
	for _, text := range []string{
		"*\n!a", "b\n!b/c/*.txt", "**/a", "!b", "b/**\n!b/c", "# x\n\ufeffa", "/b/", "b/c\n!b\nb/c/[[]*", "\\*s", "**/c\n!**/a.txt", "b/*/*\n!b/d/e/f", "[^b]",
	} {
		f.Add(text)
	}
	dir := fuzzDir(f)
	f.Fuzz(func(t *testing.T, text string) {
		ignore, err := ParseIgnore([]byte(text), "x")
		if err != nil {
			return
		}
		src, err := OpenContext(dir, ignore, nil)
		if err != nil {
			return // patterns that are wrong together
		}
		defer src.Close()
		f, err := src.find("/")
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		s := &selector{ctx: t.Context(), src: src, links: map[fileID]*inode{}}
		top, err := s.top(f)
		if err != nil {
			t.Skip(err) // patterns may be regular expressions that are wrong
		}
		var got []string
		flatten(&got, top, "")
		pm, err := patternmatcher.New(ignore.patterns)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		walkErr := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			name := strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
			if err != nil || name == "" {
				return err
			}
			hit, err := matchUp(pm, name)
			if err != nil {
				return err
			}
			if hit {
				return nil
			}
			for at := name; at != "."; at = filepath.Dir(at) {
				want = append(want, at)
			}
			return nil
		})
		if walkErr != nil {
			t.Skip(walkErr)
		}
		slices.Sort(want)
		want = slices.Compact(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}

// matchUp goes from the top down, as BuildKit does.
func matchUp(pm *patternmatcher.PatternMatcher, name string) (bool, error) {
	var v verdict
	hit := false
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = join(at, part)
		var err error
		if hit, v, err = pm.MatchesUsingParentResults(at, v); err != nil {
			return false, err
		}
	}
	return hit, nil
}

func flatten(all *[]string, p *pick, at string) {
	for _, kid := range p.kids {
		*all = append(*all, join(at, kid.name))
		flatten(all, kid, join(at, kid.name))
	}
}

func fuzzDir(f *testing.F) string {
	f.Helper()
	dir := f.TempDir()
	for word := range strings.FieldsSeq(fuzzTree) {
		name := filepath.Join(dir, strings.TrimSuffix(word, "="))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	return dir
}

// FuzzPattern: a pattern of COPY stands for what filepath.Match says, of which nothing below a directory that matches.
func FuzzPattern(f *testing.F) {
	for _, pattern := range []string{"*", "b/*", "b/*/a*", "*/*/*", "[ab]", "b/[^x]*", "?", "b/c/[[]x]", "\\*s", "x*/z", "b[/]a", "/./b/../d/*", "b/[!-~]"} {
		f.Add(pattern)
	}
	dir := fuzzDir(f)
	f.Fuzz(func(t *testing.T, pattern string) {
		src, err := OpenContext(dir, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		got, err := src.glob(t.Context(), pattern)
		if err != nil {
			return
		}
		fixed, wild := splitPattern(pattern)
		want := []string{fixed}
		if wild != "" {
			want = nil
			base := filepath.Join(dir, fixed)
			if err := filepath.Walk(base, func(path string, info os.FileInfo, err error) error {
				name := strings.TrimPrefix(strings.TrimPrefix(path, base), "/")
				if err != nil || name == "" {
					return err
				}
				if ok, _ := filepath.Match(wild, name); !ok {
					return nil
				}
				want = append(want, join(fixed, name))
				if info.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", pattern, diff)
		}
	})
}

func FuzzChmod(f *testing.F) {
	for _, value := range []string{"644", "u=rwX,go=rX", "a+t", "g=u-w", "+x", "07777", "-s"} {
		f.Add(value, uint32(0o100644))
	}
	f.Fuzz(func(t *testing.T, value string, mode uint32) {
		c, err := parseChmod(value)
		if err != nil {
			return
		}
		if got := c.apply(mode); got&^0o7777 != mode&^0o7777 {
			t.Errorf("%q of %o: %o", value, mode, got)
		}
	})
}

// FuzzUnpack: no archive makes anything outside of the layer, or breaks us.
func FuzzUnpack(f *testing.F) {
	for _, words := range []string{"a=1 d/ l>/d b+a", "l>.. l/x=1", "a+a", "d/../../x=1", "a=1 a/ a/b=2", "p| n*"} {
		f.Add(tarOf(f, words))
	}
	st := openStore(f)
	lower := []string{f.TempDir()}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := tar.NewReader(bytes.NewReader(data)).Next()
		if err != nil || h.Size > 1<<20 {
			return
		}
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/f", data, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := OpenContext(dir, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := Prepare(ctx, src, &dockerfile.Copy{Add: true, Sources: []string{"f"}, Dest: "/x/"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		staged, err := p.Apply(ctx, st, lower)
		if err != nil || staged == nil {
			return
		}
		defer staged.Discard()
		made, err := os.ReadDir(staged.Dir())
		if err != nil || len(made) != 1 || made[0].Name() != "x" {
			t.Errorf("%v: %v", made, err)
		}
	})
}
