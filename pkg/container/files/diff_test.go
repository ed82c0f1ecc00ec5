package files

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/test/testns"
)

// The tests make whiteouts.
func TestMain(m *testing.M) { testns.Main(m) }

func TestLayerDiff(t *testing.T) {
	for name, test := range map[string]struct {
		upper  string
		lower  []string // topmost first
		mounts string
		want   string
	}{
		"nothing":               {"", []string{"a= d/b="}, "", ""},
		"added":                 {"new= d/new= n/x=", []string{"a= d/b="}, "", "C /d,A /d/new,A /n,A /n/x,A /new"},
		"changed":               {"a= d/b=", []string{"x=", "a= d/b="}, "", "C /a,C /d,C /d/b"},
		"deleted":               {"!a d/ !d/b !nothing", []string{"d/c=", "a= d/b="}, "", "D /a,C /d,D /d/b"},
		"deleted directory":     {"!d", []string{"d/c="}, "", "D /d"},
		"in a deeper layer":     {"a=", []string{"!a", "a="}, "", "A /a"},
		"hidden by a file":      {"d/b=", []string{"d=", "d/b="}, "", "C /d,A /d/b"},
		"hidden by opaqueness":  {"d/b=", []string{"d% d/c=", "d/b="}, "", "C /d,A /d/b"},
		"hidden above":          {"d/e/b=", []string{"d/ !d/e", "d/e/b="}, "", "C /d,A /d/e,A /d/e/b"},
		"file to directory":     {"a/x=", []string{"a="}, "", "C /a,A /a/x"},
		"directory to file":     {"d=", []string{"d/x="}, "", "C /d"},
		"made anew":             {"d% d/new= d/kept=", []string{"d/kept= d/old=", "d/older= e="}, "", "C /d,C /d/kept,A /d/new,D /d/old,D /d/older"},
		"made anew and emptied": {"d%", []string{"!d", "d/old="}, "", "A /d"},
		"dot whiteouts":         {".wh.a= d/.wh.b= d/.wh.no= e/.wh..wh..opq= e/n=", []string{"a= d/b= e/o="}, "", "D /a,C /d,D /d/b,C /e,A /e/n,D /e/o"},
		"dot whiteouts below":   {"a= d/b=", []string{".wh.a= d/.wh..wh..opq=", "a= d/b="}, "", "A /a,C /d,A /d/b"},
		"mount points":          {"data/ mnt/x/ deep/down/ d/b=", []string{"mnt/ d/b="}, "/data /mnt/x /deep/down /proc", "C /d,C /d/b"},
		"written mount point":   {"data/x=", []string{"a="}, "/data", "A /data,A /data/x"},
		"beside a mount point":  {"mnt/x/ mnt/y=", []string{"mnt/"}, "/mnt/x", "C /mnt,A /mnt/y"},
		"empty directory":       {"new/", []string{"a="}, "/data", "A /new"},
		"touched directory":     {"d/", []string{"d/x="}, "/data", "C /d"},
		"fuse-overlayfs's own":  {"new% new/.wh..wh..opq= new/e/ new/e/.wh..wh..opq=", []string{"a="}, "", "A /new,A /new/e"},
		"no layers":             {"a= d/b=", nil, "", "A /a,A /d,A /d/b"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			upper := testns.Tree(t, filepath.Join(dir, "upper"), test.upper)
			var lower []string
			for i, words := range test.lower {
				lower = append(lower, testns.Tree(t, filepath.Join(dir, string(rune('0'+i))), words))
			}
			mounts := map[string]bool{}
			for m := range strings.FieldsSeq(test.mounts) {
				mounts[m] = true
			}
			changes, err := LayerDiff(upper, lower, mounts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				got = append(got, c.Kind+" "+c.Path)
			}
			want := strings.FieldsFunc(test.want, func(r rune) bool { return r == ',' })
			if diff := cmp.Diff(want, slices.Clone(got)); diff != "" && len(want)+len(got) > 0 {
				t.Error(diff)
			}
		})
	}
	if changes, err := LayerDiff(filepath.Join(t.TempDir(), "missing"), nil, nil); err != nil || changes != nil {
		t.Error(changes, err)
	}
}
