package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// entry is a file of a layer.
type entry struct {
	tar.Header
	data string
}

func file(name string, mode int64, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, data}
}

func dir(name string, mode int64) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

func (e entry) owned(uid, gid int) entry {
	e.Uid, e.Gid = uid, gid
	return e
}

func (e entry) xattr(name, value string) entry {
	e.PAXRecords = map[string]string{"SCHILY.xattr." + name: value}
	return e
}

// layer returns the layers of a name: "base" is the busybox root, "many:N" are N layers,
// "bomb:N" is one of N megabytes, "noise:N" too, but not when
// compressed, the rest are below.
func layer(base, name string) ([][]byte, error) {
	kind, argument, _ := strings.Cut(name, ":")
	switch kind {
	case "base":
		data, err := os.ReadFile(base)
		return [][]byte{data}, err
	case "many":
		n, err := strconv.Atoi(argument)
		if err != nil {
			return nil, err
		}
		var layers [][]byte
		for i := range n {
			layers = append(layers, pack([]entry{
				dir("layers", 0o755),
				file(fmt.Sprintf("layers/%d", i), 0o644, "from its own layer\n"),
				file("layers/last", 0o644, fmt.Sprintf("%d\n", i)),
			}))
		}
		return layers, nil
	case "bomb": // megabytes of zeros, small when compressed
		n, err := strconv.Atoi(argument)
		if err != nil {
			return nil, err
		}
		return [][]byte{pack([]entry{file("bomb", 0o644, strings.Repeat("\x00", n<<20))})}, nil
	}
	if kind == "noise" { // megabytes that cannot be made small
		n, err := strconv.Atoi(argument)
		if err != nil {
			return nil, err
		}
		data := make([]byte, n<<20)
		random := rand.NewChaCha8([32]byte{})
		_, _ = random.Read(data)
		return [][]byte{pack([]entry{file("noise", 0o644, string(data))})}, nil
	}
	if kind == "probe" {
		return probeLayer()
	}
	entries, found := layers[kind]
	if !found {
		return nil, fmt.Errorf("unknown layer %q", name)
	}
	return [][]byte{pack(entries)}, nil
}

// probeLayer has this program (probe_test.go): plain, setuid and with a file capability.
func probeLayer() ([][]byte, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return [][]byte{pack([]entry{
		dir("probe", 0o755),
		file("probe/plain", 0o755, string(program)),
		file("probe/setuid", 0o4755, string(program)),
		file("probe/setgid", 0o2755, string(program)).owned(0, 10),
		file("probe/capable", 0o755, string(program)).xattr("security.capability", netBindService),
	})}, nil
}

// layers are what images can be made of; each is about one thing.
var layers = map[string][]entry{
	// What must come out as it went in.
	"odd": {
		dir("odd", 0o755),
		file("odd/setuid", 0o4755, "setuid\n"),
		file("odd/setgid", 0o2755, "setgid\n").owned(0, 10),
		dir("odd/sticky", 0o1777),
		file("odd/owned", 0o640, "owned\n").owned(1234, 4321),
		file("odd/none", 0o000, "nobody may read\n"),
		file("odd/capable", 0o755, "capable\n").xattr("security.capability", netBindService),
		file("odd/labelled", 0o644, "labelled\n").xattr("user.colour", "blue"),
		file("odd/first", 0o644, "linked\n"),
		hardlink("odd/second", "odd/first"),
		symlink("odd/link", "first"),
		symlink("odd/dangling", "/nowhere"),
		symlink("odd/up", "../../../../etc/passwd"),
		file("odd/"+strings.Repeat("l", 250), 0o644, "long\n"),
		file("odd/ünï cödé \\ and\ttab", 0o644, "unicode\n"),
		file("odd/large-uid", 0o644, "large\n").owned(65534, 65534),
		{tar.Header{Typeflag: tar.TypeFifo, Name: "odd/fifo", Mode: 0o644}, ""},
	},
	"tree": {
		dir("tree", 0o755),
		file("tree/kept", 0o644, "lower\n"),
		file("tree/gone", 0o644, "lower\n"),
		file("tree/changed", 0o644, "lower\n"),
		dir("tree/full", 0o755),
		file("tree/full/old", 0o644, "lower\n"),
		dir("tree/removed", 0o755),
		file("tree/removed/file", 0o644, "lower\n"),
		file("tree/becomes-directory", 0o644, "lower\n"),
		dir("tree/becomes-file", 0o755),
		file("tree/becomes-file/inside", 0o644, "lower\n"),
	},
	// To be laid over tree: whiteouts, an opaque directory, changes of type.
	"whiteout": {
		dir("tree", 0o755),
		file("tree/.wh.gone", 0o644, ""),
		file("tree/changed", 0o644, "upper\n"),
		dir("tree/full", 0o755),
		file("tree/full/.wh..wh..opq", 0o644, ""),
		file("tree/full/new", 0o644, "upper\n"),
		file("tree/.wh.removed", 0o644, ""),
		dir("tree/becomes-directory", 0o755),
		file("tree/becomes-directory/inside", 0o644, "upper\n"),
		file("tree/becomes-file", 0o644, "upper\n"),
	},
	// Ids beyond a range of 65536.
	"far": {file("far", 0o644, "far\n").owned(2000000, 2000000)},
	// What must be refused, or stay inside.
	"traversal":     {file("../../../../../../escaped", 0o644, "out\n")},
	"traversal-dir": {dir("a/..", 0o755), file("a/../../../../../../../escaped", 0o644, "out\n")},
	"absolute":      {file("/absolute", 0o644, "inside\n")},
	"symlinked":     {symlink("way", "/tmp"), file("way/escaped", 0o644, "through a link\n")},
	"symlinked-up":  {symlink("way", "../../../../../../../../tmp"), file("way/escaped", 0o644, "through a link\n")},
	"hardlink-out":  {hardlink("shadow", "../../../../../../../../etc/passwd")},
	"whiteout-out":  {file("../../../../.wh.home", 0o644, "")},
	"device": {
		dir("dev", 0o755),
		{tar.Header{Typeflag: tar.TypeBlock, Name: "dev/disk", Mode: 0o666, Devmajor: 8, Devminor: 0}, ""},
		{tar.Header{Typeflag: tar.TypeChar, Name: "dev/mem", Mode: 0o666, Devmajor: 1, Devminor: 1}, ""},
		{tar.Header{Typeflag: tar.TypeChar, Name: "made-null", Mode: 0o666, Devmajor: 1, Devminor: 3}, ""},
	},
}

// netBindService is a security.capability value: version 2, effective, CAP_NET_BIND_SERVICE permitted
// (struct vfs_cap_data in linux/capability.h).
var netBindService = string(capability(0x02000001, 1<<10, 0, 0, 0))

func capability(words ...uint32) []byte {
	var data []byte
	for _, w := range words {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	return data
}

func pack(entries []entry) []byte {
	var out bytes.Buffer
	t := tar.NewWriter(&out)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		if err := t.WriteHeader(&e.Header); err != nil {
			panic(fmt.Sprintf("%s: %v", e.Name, err)) // a mistake in the table above
		}
		if _, err := t.Write([]byte(e.data)); err != nil {
			panic(err)
		}
	}
	if err := t.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
