package layer

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"hash"
	"hash/crc64"
	"io"
	"sync"

	digest "github.com/opencontainers/go-digest"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// Recorder is what a tar archive is written to when nobody wants the archive itself: its digest is, and the
// headers as tar-split keeps them, since the files are where they belong already. What it computes it does on a goroutine of
// its own, beside the reading and writing of files. Close it.
//
//	tw := tar.NewWriter(recorder)
//	tw.WriteHeader(header); recorder.Entry(header); tw.Write(content) …
type Recorder struct {
	block  *block // that is being filled
	blocks chan *block
	free   chan *block
	closed bool

	sum  summer
	done chan struct{}
}

// block is a part of the archive.
type block struct {
	data  []byte
	marks []mark
}

// mark says that an entry's content begins at an offset.
type mark struct {
	at   int
	name string
	size int64
}

const (
	blockSize = 256 << 10
	maxBlocks = 8
)

// NewRecorder writes the headers, as JSON, to w.
func NewRecorder(w io.Writer) *Recorder {
	r := &Recorder{
		block: &block{}, blocks: make(chan *block, maxBlocks), free: make(chan *block, maxBlocks), done: make(chan struct{}),
		sum: summer{
			pack: json.NewEncoder(w), digests: digest.Canonical.Digester(),
			crc: crc64.New(isoTable()),
		},
	}
	go func() {
		defer close(r.done)
		for b := range r.blocks {
			r.sum.take(b)
			b.data, b.marks = b.data[:0], b.marks[:0]
			select {
			case r.free <- b:
			default:
			}
		}
	}()
	return r
}

// isoTable is the polynomial of tar-split's checksums.
var isoTable = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(crc64.ISO) })

// Entry says that a header has just been written; what follows are h.Size bytes of content.
func (r *Recorder) Entry(h *tar.Header) error {
	r.block.marks = append(r.block.marks, mark{len(r.block.data), h.Name, h.Size})
	return nil
}

func (r *Recorder) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if r.block.data == nil {
			r.block.data = make([]byte, 0, blockSize)
		}
		room := min(len(p), cap(r.block.data)-len(r.block.data))
		r.block.data = append(r.block.data, p[:room]...)
		if p = p[room:]; len(r.block.data) == cap(r.block.data) {
			r.send()
		}
	}
	return n, nil
}

func (r *Recorder) send() {
	r.blocks <- r.block
	select {
	case r.block = <-r.free:
	default:
		r.block = &block{}
	}
}

// Close waits until all of it is accounted for. It may be called again.
func (r *Recorder) Close() error {
	if !r.closed {
		r.closed = true
		r.send()
		close(r.blocks)
		<-r.done
		r.sum.flush()
	}
	return r.sum.err
}

// Digest is that of all that was written; the recorder is closed.
func (r *Recorder) Digest() digest.Digest { return r.sum.digests.Digest() }

// Size is the number of bytes that were written; the recorder is closed.
func (r *Recorder) Size() int64 { return r.sum.size }

// summer is the goroutine's part.
type summer struct {
	pack    *json.Encoder // not tar-split's own packer, which keeps all names: that they differ is the caller's part
	packed  int
	digests digest.Digester
	size    int64
	segment bytes.Buffer // of headers and padding
	err     error        // the first one

	// Of the entry whose content comes next:
	entry tarsplit.Entry
	left  int64
	crc   hash.Hash64
}

func (s *summer) take(b *block) {
	s.digests.Hash().Write(b.data)
	s.size += int64(len(b.data))
	at := 0
	for _, m := range b.marks {
		s.bytes(b.data[at:m.at])
		s.begin(m)
		at = m.at
	}
	s.bytes(b.data[at:])
}

func (s *summer) begin(m mark) {
	s.flush()
	s.entry = tarsplit.Entry{Type: tarsplit.FileType, Size: m.size}
	s.entry.SetName(m.name)
	s.left = m.size
	s.crc.Reset()
	if s.left == 0 {
		s.add(s.entry)
	}
}

func (s *summer) bytes(p []byte) {
	if s.left > 0 && len(p) > 0 {
		n := min(s.left, int64(len(p)))
		s.crc.Write(p[:n])
		p = p[n:]
		if s.left -= n; s.left == 0 {
			s.entry.Payload = s.crc.Sum(nil)
			s.add(s.entry)
		}
	}
	s.segment.Write(p)
}

func (s *summer) flush() {
	if s.segment.Len() > 0 {
		s.add(tarsplit.Entry{Type: tarsplit.SegmentType, Payload: s.segment.Bytes()})
		s.segment.Reset()
	}
}

func (s *summer) add(e tarsplit.Entry) {
	if s.err == nil {
		e.Position = s.packed
		s.packed++
		s.err = s.pack.Encode(e)
	}
}
