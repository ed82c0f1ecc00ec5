package build_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

// raw decodes an image's configuration and manifest.
func raw(t testing.TB, cfg *config.Config, id string) (c v1.Image, m v1.Manifest) {
	t.Helper()
	cdata, mdata, err := index.Raw(cfg, id)
	must(t, err)
	must(t, json.Unmarshal(cdata, &c))
	must(t, json.Unmarshal(mdata, &m))
	return c, m
}

// history is one word for each entry: its instruction, in brackets where it has no layer.
func history(c v1.Image) string {
	var words []string
	for _, h := range c.History {
		word, _, _ := strings.Cut(h.CreatedBy, " ")
		if h.EmptyLayer {
			word = "(" + word + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestHistory(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nENV A=1\nCOPY a /\nRUN write /b b\nCMD x\n", "a", "a")
	first, _ := made(t, cfg, options(dir, "base"), &shell{})
	c, m := raw(t, cfg, first.ID)
	if got := history(c); got != "(ENV) COPY RUN (CMD)" || len(c.RootFS.DiffIDs) != 2 || len(m.Layers) != 2 {
		t.Errorf("history %s, %v", got, m.Layers)
	}
	for i, l := range m.Layers {
		if l.Digest != c.RootFS.DiffIDs[i] || l.Size == 0 || l.MediaType != v1.MediaTypeImageLayer {
			t.Errorf("layer %+v", l)
		}
	}
	// What has no layer is as old as the layer before it, or the first one.
	if !c.History[0].Created.Equal(*c.History[1].Created) || !c.Created.Equal(*c.History[2].Created) || time.Since(*c.Created) > time.Hour {
		t.Errorf("created %v, %+v", c.Created, c.History)
	}
	if c.OS != "linux" || c.Architecture == "" {
		t.Errorf("platform %+v", c.Platform)
	}
	// On top of it.
	must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM base\nRUN write /c c\n"), 0o644))
	o := options(dir, "x")
	o.Format, o.Labels, o.Env, o.Unsetenv = image.FormatDocker, map[string]string{"l": "1"}, []string{"B=2", "PATH=/p"}, []string{"A"}
	second, _ := made(t, cfg, o, &shell{})
	c, m = raw(t, cfg, second.ID)
	if got := history(c); got != "(ENV) COPY RUN (CMD) RUN" || len(m.Layers) != 3 || m.MediaType != "application/vnd.docker.distribution.manifest.v2+json" {
		t.Errorf("history %s, manifest %+v", got, m)
	}
	if diff := cmp.Diff([]string{"PATH=/p", "B=2"}, c.Config.Env); diff != "" || c.Config.Labels["l"] != "1" {
		t.Error(diff, c.Config.Labels)
	}
	// A name that moves leaves an image without one.
	o.Labels = nil
	third, _ := made(t, cfg, o, &shell{})
	if old := resolve(t, cfg, second.ID); len(old.Names) > 0 || resolve(t, cfg, "x").ID != third.ID {
		t.Errorf("names %v", old.Names)
	}
}

func TestSquash(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nCOPY a /d/\nRUN write /d/b b\n", "a", "a")
	made(t, cfg, options(dir, "base"), &shell{})
	must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM base\nRUN write /d/c c\nENV X=1\nRUN rm /d/a\nCMD x\n"), 0o644))
	o := options(dir, "x")
	o.Squash = true
	for _, test := range []struct {
		all     bool
		layers  int
		history string
	}{{false, 3, "COPY RUN (RUN) (ENV) RUN (CMD)"}, {true, 1, "(COPY) (RUN) (RUN) (ENV) RUN (CMD)"}} {
		o.SquashAll = test.all
		r, _ := made(t, cfg, o, &shell{})
		c, m := raw(t, cfg, r.ID)
		if got := history(c); got != test.history || len(m.Layers) != test.layers || len(c.RootFS.DiffIDs) != test.layers {
			t.Errorf("all %t: history %s, %d layers", test.all, got, len(m.Layers))
		}
		img := resolve(t, cfg, r.ID)
		if got := content(t, img, "d/a") + content(t, img, "d/b") + content(t, img, "d/c"); got != "-bc" {
			t.Errorf("all %t: files %q", test.all, got)
		}
		if again, _ := made(t, cfg, o, &shell{}); again.ID != r.ID {
			t.Errorf("all %t: again it is another image", test.all)
		}
	}
}

// TestTimestamp: the same image on every run, in other stores and without the cache too.
func TestTimestamp(t *testing.T) {
	dir := tree(t, "Dockerfile", "FROM scratch\nWORKDIR /w/x\nCOPY a /d/\nRUN write /d/b b\nCOPY --chmod=600 a /c\nCOPY <<EOF /e\nx\nEOF\nLABEL a=b\n", "a", "a")
	seconds := time.Now().Add(-time.Hour).Unix()
	var ids []string
	for i := range 3 {
		cfg := setup(t)
		o := options(dir, "x")
		o.CreatedAfter = &seconds
		o.Squash = i == 2
		r, _ := made(t, cfg, o, &shell{})
		c, _ := raw(t, cfg, r.ID)
		if c.Created.Unix() != seconds {
			t.Errorf("created %v", c.Created)
		}
		for _, l := range resolve(t, cfg, "x").Lower {
			for _, name := range []string{".", "d", "d/a", "d/b", "w", "w/x", "c", "e"} {
				if info, err := os.Lstat(l + "/" + name); err == nil && name != "." && info.ModTime().Unix() > seconds {
					t.Errorf("%s is of %v", name, info.ModTime())
				}
			}
		}
		if i == 1 {
			o.NoCache = true
			if again, _ := made(t, cfg, o, &shell{}); again.ID != r.ID {
				t.Errorf("without the cache: %s, %s", again.ID, r.ID)
			}
		}
		if i < 2 {
			ids = append(ids, r.Digest)
		}
		later := time.Now().Add(time.Duration(i) * time.Minute)
		must(t, os.Chtimes(dir+"/a", later, later))
	}
	if ids[0] != ids[1] {
		t.Errorf("digests %v", ids)
	}
}

func TestOnBuild(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nONBUILD COPY a /\nONBUILD RUN have /a\n", "a", "a")
	made(t, cfg, options(dir, "base"), &shell{})
	must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM base\nRUN have /a\n"), 0o644))
	s := &shell{}
	r, j := made(t, cfg, options(dir, "x"), s)
	if r.Steps != 3 || fmt.Sprint(s.runs) != "[have /a have /a]" {
		t.Errorf("%+v, %q, %v", r, s.runs, j.states)
	}
	if img := resolve(t, cfg, "x"); len(img.Config.OnBuild) > 0 {
		t.Errorf("%v", img.Config.OnBuild)
	}
}

// TestLink: --link does not look at what is there.
func TestLink(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nCOPY a /real/\nRUN link /l real\nCOPY b /l/\nCOPY --link b /m/\nRUN link /m real\nCOPY --link c /m/\n", "a", "a", "b", "b", "c", "c")
	made(t, cfg, options(dir, "x"), &shell{})
	img := resolve(t, cfg, "x")
	if got := content(t, img, "real/b") + content(t, img, "real/c") + content(t, img, "m/c"); got != "b-c" {
		t.Errorf("%q", got)
	}
}

// TestBases: what FROM finds.
// TestLinkMoves: a layer of COPY --link is not made anew because what is below it has changed; that of a COPY is.
func TestLinkMoves(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "below", "1", "f", "file", "Dockerfile", "FROM scratch\nCOPY below /below\nCOPY --link f /made/f\nCOPY f /other/f\n")
	first, _ := made(t, cfg, options(dir, "x"), &shell{})
	must(t, os.WriteFile(filepath.Join(dir, "below"), []byte("2"), 0o644))
	second, _ := made(t, cfg, options(dir, "x"), &shell{})
	before, _ := raw(t, cfg, first.ID)
	after, _ := raw(t, cfg, second.ID)
	if before.RootFS.DiffIDs[0] == after.RootFS.DiffIDs[0] || before.RootFS.DiffIDs[1] != after.RootFS.DiffIDs[1] || second.Cached != 1 {
		t.Errorf("%v, %v, %d cached", before.RootFS.DiffIDs, after.RootFS.DiffIDs, second.Cached)
	}
	if got := content(t, resolve(t, cfg, "x"), "made/f") + content(t, resolve(t, cfg, "x"), "below"); got != "file2" {
		t.Errorf("%q", got)
	}
	// Other files are another layer, and without the cache nothing is taken from it.
	o := options(dir, "x")
	o.NoCache = true
	if r, _ := made(t, cfg, o, &shell{}); r.Cached != 0 {
		t.Errorf("%d cached", r.Cached)
	}
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("changed"), 0o644))
	_, j := made(t, cfg, options(dir, "x"), &shell{})
	if got := content(t, resolve(t, cfg, "x"), "made/f"); got != "changed" {
		t.Errorf("%q: %+v", got, j)
	}
}

func TestBases(t *testing.T) {
	cfg := setup(t)
	dir := tree(t, "Dockerfile", "FROM scratch\nCOPY a /\n", "a", "a")
	base, _ := made(t, cfg, options(dir, "base"), &shell{})
	for from, platform := range map[string]string{
		"base": "", "localhost/base": "", base.ID: "", base.ID[:12]: "", "docker-image://localhost/base:latest": "",
		"localhost/base:latest ": "linux/" + resolve(t, cfg, "base").Arch,
	} {
		must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM "+from+"\nRUN have /a\n"), 0o644))
		o := options(dir, "x")
		o.Platform = platform
		if strings.HasPrefix(from, "docker-image://") {
			must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM c\nRUN have /a\n"), 0o644))
			o.Contexts = map[string]build.NamedContext{"c": {Image: from}}
		}
		made(t, cfg, o, &shell{})
	}
	must(t, os.WriteFile(dir+"/Dockerfile", []byte("FROM --platform=linux/s390x base\nRUN have /a\n"), 0o644))
	o := options(dir, "x")
	o.PullPolicy = image.Never
	if _, err := build.Build(t.Context(), cfg, o, &shell{}, nil); err == nil || !strings.Contains(err.Error(), "s390x") || !strings.Contains(err.Error(), "Dockerfile:1") {
		t.Errorf("another platform: %v", err)
	}
}
