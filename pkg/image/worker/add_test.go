package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChainIDs(t *testing.T) {
	// The example of image-spec's config.md, computed with sha256sum.
	blobs := []blob{{DiffID: "sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1"}, {DiffID: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"}}
	want := []string{"c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1", "c3191d32a37d7159b2e30830937d2e30268ad6c375a773a8994911a3aba9b93f"}
	if d := cmp.Diff(want, chainIDs(blobs)); d != "" {
		t.Error(d)
	}
}
