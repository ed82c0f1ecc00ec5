package state

import (
	"os"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/spec"
)

// BenchmarkListStopped1000 is what ps -a does on a machine with many stopped containers.
func BenchmarkListStopped1000(b *testing.B) {
	r := newRoot(b)
	for range 1000 {
		d := closed(b, create(b, r, r.GenerateName(), false))
		if err := r.WriteExit(d.ID, &spec.Exit{Code: 1, Started: time.Now(), Finished: time.Now(), PID: 4711}); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(r.RunDir(d.ID)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if es, _ := r.List(); len(es) != 1000 {
			b.Fatal(len(es))
		}
	}
}
