package seccomp

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/linux"
)

// formatVersion changes when Compile makes other programs of the same profile.
const formatVersion = "rc seccomp 1"

// What the directory is kept to: a profile per set of capabilities, a few dozen at most.
const (
	maxCached = 64
	keepFor   = 24 * time.Hour
)

// Cached returns the program for a profile, "" for the default one or a path, out of the
// directory where an earlier call left it; else it compiles and leaves it there. The
// directory is made where it is missing and must be the caller's own: what is in it is
// believed. A directory that cannot be written costs the time of compiling, no more.
//
// The default profile is found without being built, a file's without being parsed (but it
// is read: its content is part of the key).
func Cached(dir, path string, o Options) ([]byte, error) {
	o = o.withDefaults()
	var data []byte
	if path != "" {
		var err error
		if data, err = readProfile(path); err != nil {
			return nil, err
		}
	}
	head := cacheHead(path, data, o)
	file := filepath.Join(dir, cacheName(head))
	if prog, ok := readCached(file, head); ok {
		return prog, nil
	}
	p, err := Default()
	if path != "" {
		p, err = Parse(path, data)
	}
	if err != nil {
		return nil, err
	}
	prog, err := Compile(p, o)
	if err != nil {
		return nil, err
	}
	// Not being able to keep it is no reason to refuse the container.
	_ = writeCached(file, head, prog)
	return prog, nil
}

// cacheHead is the key in full; it begins the cached file, so that neither a collision of
// names nor a foreign file passes for it.
func cacheHead(path string, data []byte, o Options) string {
	var b strings.Builder
	b.WriteString(formatVersion)
	b.WriteString("\n" + dataVersion)
	if path == "" {
		b.WriteString("\ndefault")
	} else {
		sum := sha256.Sum256(data)
		b.WriteString("\n" + hex.EncodeToString(sum[:]))
	}
	b.WriteString("\n" + o.Arch + " " + o.Kernel.String() + "\n")
	caps := slices.Clone(o.Caps)
	for i := range caps {
		caps[i] = strings.ToUpper(caps[i])
	}
	slices.Sort(caps)
	b.WriteString(strings.Join(slices.Compact(caps), " ") + "\n")
	return b.String()
}

func cacheName(head string) string {
	h := fnv.New64a()
	h.Write([]byte(head))
	return hex.EncodeToString(h.Sum(nil)) + ".bpf"
}

// sumSize is the size of the checksum between head and program: a file that a crash cut
// short or filled with zeros is compiled anew.
const sumSize = 8

func checksum(head string, prog []byte) []byte {
	h := fnv.New64a()
	h.Write([]byte(head))
	h.Write(prog)
	return h.Sum(nil)
}

func readCached(file, head string) ([]byte, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	rest, ok := strings.CutPrefix(string(data), head)
	if !ok || len(rest) < sumSize+8 {
		return nil, false
	}
	prog := data[len(head)+sumSize:]
	if rest[:sumSize] != string(checksum(head, prog)) || len(prog)%8 != 0 {
		return nil, false
	}
	return prog, true
}

func writeCached(file, head string, prog []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	sweep(dir)
	return linux.ReplaceFile(file, slices.Concat([]byte(head), checksum(head, prog), prog))
}

// sweep empties a directory that has grown too large of what is not from today, and of
// what an interrupted call left.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		old := strings.HasPrefix(e.Name(), ".") || len(entries) > maxCached && strings.HasSuffix(e.Name(), ".bpf")
		if !old {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > keepFor {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
