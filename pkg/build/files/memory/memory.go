// Package memory remembers digests of files from one build to the next, so that what has not changed need not be read again.
package memory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Sum is a digest of what a file contains, and of its extended attributes if it has any.
type Sum [sha256.Size]byte

// Memory has the digests of files that were read before, by what stat(2) says of them: device, inode, size, and the
// times of the last change of content and of anything. It is one file:
//
//	8 bytes   the format: "rcsums1\n"
//	n × 80    device, inode, size, mtime, ctime (nanoseconds since 1970): 8 bytes each, little endian; digest;
//	          the day it was used last (8 bytes, since 1970); sorted by device and inode
//	4 bytes   CRC-32 (Castagnoli) of all that
//
// A file that cannot be read, or is damaged, is forgotten: it is a memory that saves work and nothing else.
type Memory struct {
	path string
	old  []byte // the records of the file, sorted

	mu    sync.Mutex
	used  []bool // records of old
	fresh []record
}

const (
	memoryFormat = "rcsums1\n"
	recordSize   = 5*8 + sha256.Size + 8
)

// record is what is remembered of one file.
type record struct {
	dev, ino, size uint64
	mtime, ctime   int64
	sum            Sum
	day            uint64
}

// forgetAfter is how many days a digest is kept that nobody asks for; Settled is how long a file must have been left
// alone for its digest to be remembered: one that is written again within a tick of the file system's clock looks the
// same (2 s are FAT's).
const (
	forgetAfter = 30
	Settled     = 2 * time.Second
)

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// Open reads what is remembered in a file. Save writes it again.
func Open(path string) *Memory {
	m := &Memory{path: path}
	data, err := os.ReadFile(path)
	if err != nil {
		return m
	}
	body, ok := bytes.CutPrefix(data, []byte(memoryFormat))
	if !ok || len(body) < 4 || (len(body)-4)%recordSize != 0 {
		return m
	}
	end := len(data) - 4
	if crc32.Checksum(data[:end], castagnoli()) != binary.LittleEndian.Uint32(data[end:]) {
		return m
	}
	m.old = body[:len(body)-4]
	m.used = make([]bool, len(m.old)/recordSize)
	return m
}

func (m *Memory) at(i int) []byte { return m.old[i*recordSize : (i+1)*recordSize] }

// find gives the place of a record by device and inode.
func (m *Memory) find(dev, ino uint64) (int, bool) {
	return sort.Find(len(m.old)/recordSize, func(i int) int {
		r := m.at(i)
		return cmp.Or(cmp.Compare(dev, binary.LittleEndian.Uint64(r)), cmp.Compare(ino, binary.LittleEndian.Uint64(r[8:])))
	})
}

// Recall gives the digest of a file as it is now.
func (m *Memory) Recall(st *unix.Stat_t) (Sum, bool) {
	if m == nil {
		return Sum{}, false
	}
	i, ok := m.find(st.Dev, st.Ino)
	if !ok {
		return Sum{}, false
	}
	r := decode(m.at(i))
	if r.size != uint64(st.Size) || r.mtime != st.Mtim.Nano() || r.ctime != st.Ctim.Nano() {
		return Sum{}, false
	}
	m.mu.Lock()
	m.used[i] = true
	m.mu.Unlock()
	return r.sum, true
}

// Remember keeps the digest of a file that has been read, and was as st says before and after that; began is when
// reading began.
func (m *Memory) Remember(st *unix.Stat_t, s Sum, began time.Time) {
	if m == nil || began.Sub(time.Unix(st.Ctim.Unix())) < Settled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fresh = append(m.fresh, record{
		dev: st.Dev, ino: st.Ino, size: uint64(st.Size), mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), sum: s,
	})
}

func decode(b []byte) record {
	u := binary.LittleEndian.Uint64
	r := record{dev: u(b), ino: u(b[8:]), size: u(b[16:]), mtime: int64(u(b[24:])), ctime: int64(u(b[32:])), day: u(b[40+sha256.Size:])}
	copy(r.sum[:], b[40:])
	return r
}

func (r *record) append(b []byte) []byte {
	u := binary.LittleEndian.AppendUint64
	b = u(u(u(u(u(b, r.dev), r.ino), r.size), uint64(r.mtime)), uint64(r.ctime))
	return u(append(b, r.sum[:]...), r.day)
}

// Known is how many files were recognised since Open.
func (m *Memory) Known() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, used := range m.used {
		if used {
			n++
		}
	}
	return n
}

// Save writes the file if there is something new, atomically. Of two processes that do the last one counts.
func (m *Memory) Save() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	today := uint64(time.Now().Unix() / (24 * 60 * 60))
	records, changed := make([]record, 0, len(m.old)/recordSize+len(m.fresh)), len(m.fresh) > 0
	for i := range len(m.old) / recordSize {
		r := decode(m.at(i))
		switch {
		case m.used[i] && r.day != today:
			r.day, changed = today, true
		case !m.used[i] && r.day+forgetAfter < today:
			changed = true
			continue
		}
		records = append(records, r)
	}
	if !changed {
		return nil
	}
	for _, r := range m.fresh {
		r.day = today
		records = append(records, r)
	}
	// The last one of each file counts: it is the newest.
	slices.SortStableFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.dev, b.dev), cmp.Compare(a.ino, b.ino))
	})
	data := append(make([]byte, 0, len(memoryFormat)+len(records)*recordSize+4), memoryFormat...)
	for i := range records {
		if i+1 < len(records) && records[i].dev == records[i+1].dev && records[i].ino == records[i+1].ino {
			continue
		}
		data = records[i].append(data)
	}
	data = binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, castagnoli()))
	err := linux.ReplaceFile(m.path, data)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(m.path), 0o700); err == nil {
			err = linux.ReplaceFile(m.path, data)
		}
	}
	if err != nil {
		return fmt.Errorf("remember digests of files: %w", err)
	}
	m.old, m.fresh = data[len(memoryFormat):len(data)-4], nil
	m.used = make([]bool, len(m.old)/recordSize)
	return nil
}
