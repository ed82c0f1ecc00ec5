package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
	"github.com/rc-containers/rc/test/testns"
)

// Layers are made in the default map only.
func TestMain(m *testing.M) { testns.Main(m) }

// openStore opens an empty store.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(context.Background(), &config.Config{DataRoot: dir + "/data", RunRoot: dir + "/run"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	return st
}

// apply carries a copy out: the names that the layer has, with what they are behind them.
func apply(t *testing.T, st *store.Store, src *Source, lower []string, c *dockerfile.Copy) (names string, err error) {
	t.Helper()
	ctx := context.Background()
	p, err := Prepare(ctx, src, c, Options{Now: time.Unix(1000, 0)})
	if err != nil {
		return "", err
	}
	defer p.Close()
	staged, err := p.Apply(ctx, st, lower)
	if staged == nil || err != nil {
		return "", err
	}
	defer staged.Discard()
	return describe(t, staged.Dir()), nil
}

// check carries a copy out and compares the names, or the beginning of the error.
func check(t *testing.T, st *store.Store, src *Source, lower []string, c *dockerfile.Copy, want, wantErr string) {
	t.Helper()
	got, err := apply(t, st, src, lower, c)
	if wantErr != "" {
		if err == nil || !strings.HasPrefix(err.Error(), wantErr) {
			t.Fatalf("error %v, want %q", err, wantErr)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// describe lists a directory's files as testns.Tree has them.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var words []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		word := strings.TrimPrefix(path, dir+"/")
		switch {
		case info.IsDir():
			word += "/"
			fd, err := stack.Open(path)
			if err != nil {
				return err
			}
			if stack.IsOpaque(fd[0]) {
				word = strings.TrimSuffix(word, "/") + "%"
			}
			fd.Close()
		case info.Mode()&os.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			word += ">" + to
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			word += "=" + string(data)
		default:
			word += "|"
		}
		words = append(words, word)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

func TestCopy(t *testing.T) {
	st := openStore(t)
	for name, test := range map[string]struct {
		context string
		ignore  string
		lower   []string // topmost first
		sources string
		dest    string
		copy    dockerfile.Copy // other fields
		want    string
		err     string
	}{
		"a file to a name":              {context: "a=", sources: "a", dest: "/b", want: "b=a"},
		"a file into a directory":       {context: "a=", sources: "a", dest: "/b/", want: "b/ b/a=a"},
		"a file into one that is there": {context: "a=", lower: []string{"b/"}, sources: "a", dest: "/b", want: "b/ b/a=a"},
		"a directory's contents":        {context: "d/a= d/e/f=", sources: "d", dest: "/x", want: "x/ x/a=d/a x/e/ x/e/f=d/e/f"},
		"all":                           {context: "a= d/b=", sources: ".", dest: "/", want: "a=a d/ d/b=d/b"},
		"several":                       {context: "a= b=", sources: "a b", dest: "/x/", want: "x/ x/a=a x/b=b"},
		"wildcard":                      {context: "a1= a2= b= d/a3=", sources: "a*", dest: "/x/", want: "x/ x/a1=a1 x/a2=a2"},
		"wildcard directory":            {context: "d1/a= d2/b=", sources: "d*", dest: "/x/", want: "x/ x/a=d1/a x/b=d2/b"},
		"wildcard of nothing":           {context: "a=", sources: "b*", dest: "/x/", want: ""},
		"missing":                       {context: "a=", sources: "b", dest: "/", err: `"b": not found in the build context`},
		"ignored":                       {context: "a= b=", ignore: "b", sources: ".", dest: "/", want: "a=a"},
		"ignored by name":               {context: "a= b=", ignore: "b", sources: "b", dest: "/", err: `"b": not found in the build context`},
		"exception":                     {context: "d/a= d/b= e/c=", ignore: "*\n!d/a", sources: ".", dest: "/", want: "d/ d/a=d/a"},
		"through a link":                {context: "a=", lower: []string{"run/ var/run>/run"}, sources: "a", dest: "/var/run/x/", want: "run/ run/x/ run/x/a=a"},
		"link in the context":           {context: "a= l>a", sources: "l", dest: "/x/", want: "x/ x/l=a"},
		"links are copied":              {context: "d/a= d/l>a d/o>/etc", sources: "d", dest: "/x/", want: "x/ x/a=d/a x/l>a x/o>/etc"},
		"link to the root":              {context: "etc/a= l>/etc", sources: "l", dest: "/x/", want: "x/ x/a=etc/a"},
		"file over directory":           {context: "d/a=", lower: []string{"x/a/"}, sources: "d", dest: "/x", err: `copy to "/x/a": there is a directory, which a file cannot replace`},
		"directory over file":           {context: "d/a/b=", lower: []string{"x/a="}, sources: "d", dest: "/x", err: `copy to "/x/a": it is not a directory`},
		"exclude":                       {context: "d/a.txt= d/b=", sources: "d", dest: "/x/", copy: dockerfile.Copy{Exclude: []string{"*.txt"}}, want: "x/ x/b=d/b"},
		"parents":                       {context: "a/b/c= a/d=", sources: "a/b/c", dest: "/x/", copy: dockerfile.Copy{Parents: true}, want: "x/ x/a/ x/a/b/ x/a/b/c=a/b/c"},
		"parents with a pivot":          {context: "a/b/c= a/d=", sources: "a/./b/c", dest: "/x/", copy: dockerfile.Copy{Parents: true}, want: "x/ x/b/ x/b/c=a/b/c"},
		"exclude of a wildcard":         {context: "a.txt= b= d/c.txt=", sources: "*", dest: "/x/", copy: dockerfile.Copy{Exclude: []string{"*.txt"}}, want: "x/ x/b=b"},
		"exclude of a name":             {context: "a.txt=", sources: "a.txt", dest: "/x/", copy: dockerfile.Copy{Exclude: []string{"*.txt"}}, want: "x/ x/a.txt=a.txt"},
		"exclude with an exception":     {context: "d/a/b= d/a/c= d/e=", sources: "d", dest: "/x/", copy: dockerfile.Copy{Exclude: []string{"*", "!a/b"}}, want: "x/ x/a/ x/a/b=d/a/b"},
		"parents, wildcards":            {context: "t/a/b/c/d/e/bay= t/a/b2/c/d/e/bar= t/a/b/c/x=", sources: "/t/a/b*/./c/**/e", dest: "/o/", copy: dockerfile.Copy{Parents: true}, want: "o/ o/c/ o/c/d/ o/c/d/e/ o/c/d/e/bar=t/a/b2/c/d/e/bar o/c/d/e/bay=t/a/b/c/d/e/bay"},
		"parents, dots":                 {context: "t/a/b=", sources: "./t/a/. t/./a/./b", dest: "/o/", copy: dockerfile.Copy{Parents: true}, want: "o/ o/a/ o/a/b=t/a/b o/t/ o/t/a/ o/t/a/b=t/a/b"},
		"parents, none":                 {context: "t/a=", sources: "t/x*", dest: "/o/", copy: dockerfile.Copy{Parents: true}, want: "o/"},
		"parents, missing":              {context: "t/a=", sources: "t/x", dest: "/o/", copy: dockerfile.Copy{Parents: true}, err: `"t/x": not found in the build context`},
		"link":                          {context: "a=", lower: []string{"usr/lib/ lib>usr/lib"}, sources: "a", dest: "/lib/", copy: dockerfile.Copy{Link: true}, want: "lib/ lib/a=a"},
		"over a link":                   {context: "d/a=", lower: []string{"x/a>b x/b="}, sources: "d", dest: "/x", want: "x/ x/a=d/a"},
		"to a link":                     {context: "a=", lower: []string{"x>y y="}, sources: "a", dest: "/x", want: "y=a"},
		"to a link to nothing":          {context: "a=", lower: []string{"x>../t/y"}, sources: "a", dest: "/x/", want: "t/ t/y/ t/y/a=a"},
		"a directory over a link":       {context: "d/lib/a=", lower: []string{"lib>usr/lib usr/lib/"}, sources: "d", dest: "/", err: `copy to "/lib": it is not a directory`},
		"a class that matches a slash":  {context: "a/b= c=", sources: "a[^x]b", dest: "/x/", want: "x/ x/b=a/b"},
		"a file as a directory":         {context: "a=", lower: []string{"x="}, sources: "a", dest: "/x/", err: `"/x" is not a directory`},
		"one over the other":            {context: "a/x= b/x= b/y=", sources: "a b", dest: "/d/", want: "d/ d/x=b/x d/y=b/y"},
		"hard links":                    {context: "d/a= d/b+d/a", sources: "d", dest: "/x", want: "x/ x/a=d/a x/b=d/a"},
		"a whiteout's name":             {context: "d/.wh.a=", sources: "d", dest: "/x", err: `copy "/x/.wh.a": in the layers of an image`},
		"above the context":             {context: "a=", sources: "../a", dest: "/x/", want: "x/ x/a=a"},
		"here-document":                 {dest: "/x/", copy: dockerfile.Copy{Inline: []dockerfile.Inline{{Name: "f", Data: "text"}}}, want: "x/ x/f=text"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			context := testns.Tree(t, filepath.Join(dir, "context"), test.context)
			var lower []string
			for i, words := range test.lower {
				lower = append(lower, testns.Tree(t, filepath.Join(dir, string(rune('0'+i))), words))
			}
			ignore, err := ParseIgnore([]byte(test.ignore), ".dockerignore")
			if err != nil {
				t.Fatal(err)
			}
			src, err := OpenContext(context, ignore, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			c := test.copy
			c.Sources, c.Dest = strings.Fields(test.sources), test.dest
			check(t, st, src, lower, &c, test.want, test.err)
		})
	}
}

// attributes are those of what a copy makes: name, mode, owner and time.
func attributes(t *testing.T, st *store.Store, src *Source, lower []string, c *dockerfile.Copy) string {
	t.Helper()
	ctx := context.Background()
	p, err := Prepare(ctx, src, c, Options{Now: time.Unix(1000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	staged, err := p.Apply(ctx, st, lower)
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	return attributesOf(t, staged.Dir())
}

func attributesOf(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %o %d:%d %d\n", strings.TrimPrefix(path, dir+"/"), st.Mode&0o7777, st.Uid, st.Gid, st.Mtim.Sec)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
