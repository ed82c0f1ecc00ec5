package container

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli/clitest"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/overlay"
)

// TestRunImage holds that an image is called by the name that was typed, where it has that,
// and that layers which only fuse-overlayfs can mount ask for it.
func TestRunImage(t *testing.T) {
	a := clitest.App(t, false)
	id := strings.Repeat("abc0", 16)
	entry := index.Entry{ID: id, Names: []string{"quay.io/x/first:1", "docker.io/library/alpine:latest"}}
	for _, fuseOnly := range []bool{false, true} {
		if err := index.WriteRecord(a.Config, id, &index.Record{FuseOnly: fuseOnly}); err != nil {
			t.Fatal(err)
		}
		now, err := index.Current(a.Config)
		if err != nil {
			t.Fatal(err)
		}
		if err := index.Write(a.Config, now, []index.Entry{entry}, nil); err != nil {
			t.Fatal(err)
		}
		for typed, name := range map[string]string{
			"alpine": entry.Names[1], "quay.io/x/first:1": entry.Names[0], id[:12]: entry.Names[0],
		} {
			got, err := source(t.Context(), a, &runflags.Options{Image: typed, Pull: "never"})
			if err != nil {
				t.Fatal(err)
			}
			got.Release()
			if got.ID != id || got.Name != name || (got.Rootfs.MountProgram == overlay.Fuse) != fuseOnly {
				t.Errorf("%s: %+v", typed, got)
			}
		}
	}
}
