package worker

import (
	"context"
	"io"
	"sync"

	"github.com/rc-containers/rc/pkg/store"
)

// headSize is how much of a blob's beginning is kept: enough for the first tables of a gzip stream, in which
// two compressors hardly ever agree.
const headSize = 512

// heads keeps how the layers of an image begin, while they are read.
type heads struct {
	mu   sync.Mutex
	head map[int][]byte
}

// keep wraps the layers so that their first bytes are seen.
func (h *heads) keep(layers []blob) []blob {
	h.head = make(map[int][]byte, len(layers))
	out := make([]blob, len(layers))
	for i, b := range layers {
		b.Head = func(head []byte) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.head[i] = head
		}
		out[i] = b
	}
	return out
}

// headReader tells how what it reads begins.
type headReader struct {
	io.Reader
	head []byte
	done func(head []byte)
}

func (r *headReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.done != nil {
		r.head = append(r.head, p[:min(n, headSize-len(r.head))]...)
		if len(r.head) == headSize || err != nil {
			r.done(r.head)
			r.done = nil
		}
	}
	return n, err
}

// learn remembers the compressed forms in which an image's layers came: a push can make them anew by that, or
// copy them from the repository. It is no reason to fail.
func (h *heads) learn(ctx context.Context, s *store.Store, f *found, report reporter) {
	for i, b := range f.layers {
		if b.Digest == "" || b.Digest == b.DiffID {
			continue
		}
		known := store.KnownBlob{Digest: b.Digest, Size: b.Size, Head: h.head[i]}
		if f.origin != "" {
			known.At = []string{f.origin}
		}
		if err := s.Learn(ctx, b.DiffID, known); err != nil {
			report.Warn("%v", err)
		}
	}
}
