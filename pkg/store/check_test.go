package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, want  string
		quick, slow bool // who finds it
		damage      func(t *testing.T, s *Store, layers string)
	}{
		{"nothing", "", false, false, func(*testing.T, *Store, string) {}},
		{"no files", "has no files", true, true, func(t *testing.T, s *Store, layer string) {
			if err := os.RemoveAll(layer + "/diff"); err != nil {
				t.Fatal(err)
			}
		}},
		{"a changed file", "damaged files", false, true, func(t *testing.T, s *Store, layer string) {
			if err := os.WriteFile(layer+"/diff/etc", []byte("XXX"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"a missing file", "damaged files", false, true, func(t *testing.T, s *Store, layer string) {
			if err := os.Remove(layer + "/diff/etc"); err != nil {
				t.Fatal(err)
			}
		}},
		{"an unused layer", "no image has it", true, true, func(t *testing.T, s *Store, _ string) {
			add(t, s, "", layerTar(t, 0, "unused"))
		}},
		{"a stray directory", "of no layer", true, true, func(t *testing.T, s *Store, layer string) {
			if err := os.MkdirAll(filepath.Join(filepath.Dir(layer), strings.Repeat("a", 64), "diff"), 0o755); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for _, quick := range []bool{true, false} {
			s, cfg := open(t)
			id := image(t, s, [][]byte{layerTar(t, 0, "etc"), layerTar(t, 512, "usr")}, "docker.io/library/a:1")
			image(t, s, [][]byte{layerTar(t, 0, "other")}, "docker.io/library/b:1")
			img, err := s.lib.Image(id)
			if err != nil {
				t.Fatal(err)
			}
			top, err := s.lib.Layer(img.TopLayer)
			if err != nil {
				t.Fatal(err)
			}
			c.damage(t, s, filepath.Join(cfg.StorageRoot(), "overlay", top.Parent))
			found, err := s.Check(t.Context(), quick, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := c.slow
			if quick {
				want = c.quick
			}
			if len(found) > 1 || (len(found) == 1) != want || want && !strings.Contains(found[0].Problem, c.want) {
				t.Errorf("%s, quick %v: %+v", c.name, quick, found)
			}
			for _, d := range found {
				if err := d.Remove(); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			again, err := s.Check(t.Context(), false, 0)
			if !want && c.slow {
				continue
			}
			if err != nil || len(again) > 0 {
				t.Errorf("%s: again: %+v %v", c.name, again, err)
			}
			s.Close()
		}
	}
	s, _ := open(t)
	add(t, s, "", layerTar(t, 0, "young"))
	if found, err := s.Check(t.Context(), true, time.Hour); err != nil || len(found) > 0 {
		t.Errorf("a young layer: %+v %v", found, errors.Join(err))
	}
}
