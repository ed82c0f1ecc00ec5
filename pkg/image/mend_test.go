package image_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

// three images of which two share a layer.
func three(t *testing.T, cfg *config.Config) []*built {
	t.Helper()
	base := tarOf(t, files{{"base", "1"}})
	var all []*built
	for _, name := range []string{"a", "b", "c"} {
		layers := [][]byte{base, tarOf(t, files{{name, "2"}})}
		if name == "c" {
			layers = layers[1:]
		}
		b := build(t, linux(runtime.GOARCH, ""), v1.ImageConfig{Env: []string{"N=" + name}}, layers...)
		_, err := image.Load(context.Background(), cfg, image.LoadOptions{Input: write(t, b.dockerArchive(t, false, name+":1")), Streams: quiet(t)})
		must(t, err)
		all = append(all, b)
	}
	return all
}

// listed are the names of all images that can be used, and of those that cannot.
func listed(t *testing.T, cfg *config.Config) (good, bad string) {
	t.Helper()
	all, broken, err := image.List(context.Background(), cfg, image.ListOptions{}, nil)
	must(t, err)
	for _, name := range []string{"a", "b", "c"} {
		full := "docker.io/library/" + name + ":1"
		for _, l := range all {
			if len(l.Names) > 0 && l.Names[0] == full {
				good += name
			}
		}
		for _, b := range broken {
			if b.Names[0] == full {
				bad += name
			}
		}
	}
	return good, bad
}

// bigData is the file of one of an image's data items.
func bigData(cfg *config.Config, id, key string) string {
	return filepath.Join(cfg.StorageRoot(), "overlay-images", id, "="+base64.StdEncoding.EncodeToString([]byte(key)))
}

func half(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, data[:len(data)/2], 0o600))
}

// TestMend damages a store in many ways: the other images go on, what can be mended is, and after
// a repair nothing is wrong any more and nothing left over.
func TestMend(t *testing.T) {
	lists := []string{"overlay-images/images.json", "overlay-layers/layers.json"}
	type damage struct {
		name string
		do   func(t *testing.T, cfg *config.Config, all []*built)
		bad  string // images that a list leaves out; of others only a check finds that they are damaged
		gone string // images that are removed by the repair
	}
	var tests []damage
	for _, list := range lists {
		at := func(cfg *config.Config) string { return filepath.Join(cfg.StorageRoot(), list) }
		tests = append(tests,
			damage{name: list + " empty", do: func(t *testing.T, cfg *config.Config, _ []*built) { must(t, os.Truncate(at(cfg), 0)) }},
			damage{name: list + " half", do: func(t *testing.T, cfg *config.Config, _ []*built) { half(t, at(cfg)) }},
			damage{name: list + " missing", do: func(t *testing.T, cfg *config.Config, _ []*built) { must(t, os.Remove(at(cfg))) }},
			damage{name: list + " garbled", do: func(t *testing.T, cfg *config.Config, _ []*built) {
				data, err := os.ReadFile(at(cfg))
				must(t, err)
				copy(data[len(data)/2:], "}}{{,,\x00\x00")
				must(t, os.WriteFile(at(cfg), data, 0o600))
			}},
		)
	}
	tests = append(tests,
		damage{name: "the index", do: func(t *testing.T, cfg *config.Config, _ []*built) { half(t, cfg.IndexPath()) }},
		damage{name: "an image's record", do: func(t *testing.T, cfg *config.Config, all []*built) {
			half(t, filepath.Join(cfg.DataRoot, "images", all[0].id()+".json"))
		}},
		damage{name: "both lists and the index", do: func(t *testing.T, cfg *config.Config, _ []*built) {
			for _, list := range lists {
				half(t, filepath.Join(cfg.StorageRoot(), list))
			}
			half(t, cfg.IndexPath())
		}},
		damage{name: "a configuration", gone: "a", do: func(t *testing.T, cfg *config.Config, all []*built) {
			half(t, bigData(cfg, all[0].id(), "sha256:"+all[0].id()))
		}},
		damage{name: "an image's directory", gone: "c", do: func(t *testing.T, cfg *config.Config, all []*built) {
			must(t, os.RemoveAll(filepath.Join(cfg.StorageRoot(), "overlay-images", all[2].id())))
		}},
		damage{name: "a manifest", do: func(t *testing.T, cfg *config.Config, all []*built) {
			half(t, filepath.Join(cfg.StorageRoot(), "overlay-images", all[0].id(), "manifest"))
		}},
		damage{name: "a shared layer's files", bad: "ab", gone: "ab", do: func(t *testing.T, cfg *config.Config, _ []*built) {
			must(t, os.RemoveAll(filepath.Dir(resolve(t, cfg, "a:1").Lower[1])))
		}},
		damage{name: "one file of a layer", gone: "b", do: func(t *testing.T, cfg *config.Config, _ []*built) {
			must(t, os.Remove(resolve(t, cfg, "b:1").Lower[0]+"/b"))
		}},
		damage{name: "the headers of a layer", gone: "c", do: func(t *testing.T, cfg *config.Config, _ []*built) {
			half(t, filepath.Join(cfg.StorageRoot(), "overlay-layers", resolve(t, cfg, "c:1").LayerIDs[0]+".tar-split.gz"))
		}},
	)
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.name, "/", " "), func(t *testing.T) {
			cfg := setup(t)
			all := three(t, cfg)
			test.do(t, cfg, all)
			good, bad := listed(t, cfg)
			if want := without("abc", test.bad); good != want || bad != test.bad {
				t.Errorf("good %q, bad %q; want %q and %q", good, bad, want, test.bad)
			}
			repaired(t, cfg, test.gone)
			if good, bad = listed(t, cfg); good != without("abc", test.gone) || bad != "" {
				t.Errorf("after the repair: good %q, bad %q; %q should be gone", good, bad, test.gone)
			}
			// Gone images can be had again.
			three(t, cfg)
			if good, bad = listed(t, cfg); good != "abc" || bad != "" {
				t.Errorf("loaded again: good %q, bad %q", good, bad)
			}
			for _, b := range all {
				resolve(t, cfg, b.id())
			}
			_, err := image.Remove(context.Background(), cfg, image.RemoveOptions{All: true})
			must(t, err)
			nothing(t, cfg)
		})
	}
}

func without(all, gone string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(gone, r) {
			return -1
		}
		return r
	}, all)
}

// repaired repairs, and looks that a check finds nothing any more, and that gone names the images that were removed.
func repaired(t *testing.T, cfg *config.Config, gone string) {
	t.Helper()
	found, err := image.Check(context.Background(), cfg, image.CheckOptions{Repair: true})
	must(t, err)
	removed := ""
	for _, f := range found {
		if !f.Removed && !f.Mended {
			t.Errorf("not mended: %+v", f)
		}
		if f.Removed && f.Image != "" {
			removed += strings.TrimSuffix(strings.TrimPrefix(f.Names[0], "docker.io/library/"), ":1")
		}
	}
	if len(removed) != len(gone) || without(removed, gone) != "" {
		t.Errorf("removed %q, want %q", removed, gone)
	}
	if found, err = image.Check(context.Background(), cfg, image.CheckOptions{}); err != nil || len(found) > 0 {
		t.Errorf("after the repair: %+v, %v", found, err)
	}
}

// TestLoadMends: an image whose layers have lost their files is whole again after the next pull or load.
func TestLoadMends(t *testing.T) {
	cfg := setup(t)
	three(t, cfg)
	img := resolve(t, cfg, "a:1")
	must(t, os.RemoveAll(img.Lower[0]))
	must(t, os.RemoveAll(filepath.Dir(img.Lower[1])))
	must(t, os.Remove(filepath.Join(cfg.StorageRoot(), "overlay-layers", img.LayerIDs[1]+".tar-split.gz")))
	if good, bad := listed(t, cfg); good != "c" || bad != "ab" {
		t.Errorf("good %q, bad %q", good, bad)
	}
	three(t, cfg)
	if good, bad := listed(t, cfg); good != "abc" || bad != "" {
		t.Errorf("good %q, bad %q", good, bad)
	}
	if found, err := image.Check(context.Background(), cfg, image.CheckOptions{}); err != nil || len(found) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if data, err := os.ReadFile(resolve(t, cfg, "b:1").Lower[1] + "/base"); err != nil || string(data) != "1" {
		t.Errorf("%q, %v", data, err)
	}
	ix, err := index.Read(cfg)
	must(t, err)
	if ix.Stale || len(ix.Broken) > 0 {
		t.Errorf("%+v", ix.Broken)
	}
}
