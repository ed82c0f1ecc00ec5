package worker

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/store"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// announced is a reporter who takes no more than that.
type announced struct{ reporter }

func (announced) Layer(blob, bool) {}

// TestLayersInterrupted: who was interrupted before the first layer began has no layers, and says so. (A select takes any of
// its cases that can go on: so many times.)
func TestLayersInterrupted(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	b := blob{
		DiffID: digest.Digest("sha256:" + strings.Repeat("1", 64)),
		Open:   func(ctx context.Context) (io.ReadCloser, error) { return nil, context.Cause(ctx) },
	}
	for range 100 {
		top, err := (&adder{cfg: cfg, store: s, report: announced{}}).layers(ctx, []blob{b})
		if !errors.Is(err, why) {
			t.Fatalf("%q, %v", top, err)
		}
	}
}

func TestChainIDs(t *testing.T) {
	// The example of image-spec's config.md, computed with sha256sum.
	blobs := []blob{{DiffID: "sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1"}, {DiffID: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"}}
	want := []string{"c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1", "c3191d32a37d7159b2e30830937d2e30268ad6c375a773a8994911a3aba9b93f"}
	if d := cmp.Diff(want, chainIDs(blobs)); d != "" {
		t.Error(d)
	}
}
