package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/system"
)

// storageChecks are where images and containers lie.
func storageChecks() []Check {
	return []Check{
		{
			Name: "overlay", Title: "an overlay can be mounted where containers lie", Run: checkOverlay, Needs: []string{"idmap"}, Settings: true, Limit: storageLimit,
			Why: "a container's root is its image's layers, with a layer of its own on top",
		},
		{
			Name: "disk", Title: "room for images, containers and temporary files", Run: checkDisk, Settings: true,
			Why: "pulls, builds and commits need room for whole images, unpacked, and an inode for each of their files",
		},
		{
			Name: "store", Title: "records, images and what killed processes left", Run: checkStore, Needs: []string{"idmap"}, Settings: true, Limit: 2 * time.Minute,
			Why: "what is damaged is found here, and not in the middle of something",
		},
	}
}

func checkOverlay(ctx context.Context, h *Host) []Finding {
	dir := machine.Existing(h.Config.DataRoot)
	if unix.Access(dir, unix.W_OK) != nil {
		return []Finding{problem(dir + " cannot be written").advise("keep the data elsewhere: rc --root DIRECTORY, or XDG_DATA_HOME")}
	}
	h.sweep(ctx, dir)
	fuse := overlay.Fuse
	if filepath.IsAbs(h.Config.MountProgram) {
		fuse = h.Config.MountProgram
	}
	got := h.self(ctx, ProbeVerb, probeOverlay, dir, overlay.Native, fuse)
	var tried mounted
	if err := json.Unmarshal([]byte(got.stdout), &tried); got.err != nil || err != nil {
		text, hint := got.failure()
		return []Finding{fromError(hinted(text, hint))}
	}
	choice, err := overlay.Choose(h.Config.MountProgram, dir)
	if err != nil {
		return []Finding{fromError(err)}
	}
	var st unix.Statfs_t
	kind := "unknown"
	if unix.Statfs(dir, &st) == nil {
		kind = machine.FileSystem(st.Type)
	}
	return judgeOverlay(choice, tried[overlay.Native], tried[fuse], fmt.Sprintf("%s (%s)", dir, kind))
}

// abandoned is when a directory for trying is nobody's any more: no check takes as long.
const abandoned = 10 * time.Minute

// sweep deletes what a killed rc doctor has left in dir.
func (h *Host) sweep(ctx context.Context, dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, tryPrefix+"*")) // the pattern is well-formed but for an odd dir
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = h.self(ctx, ProbeVerb, probeRemove, path)
		}
	}
}

// judgeOverlay judges what came of mounting with the kernel and with fuse-overlayfs ("" is success).
func judgeOverlay(choice overlay.Choice, native, fuse, where string) []Finding {
	if choice.Program == overlay.Native && native == "" {
		return []Finding{ok("the kernel mounts it in %s", where)}
	}
	reason := choice.Reason
	if choice.Program == overlay.Native {
		reason = "the kernel's overlayfs refused: " + native
	}
	if fuse == "" {
		if choice.Reason == "asked for" && native == "" {
			return []Finding{ok("fuse-overlayfs mounts it in %s, as asked for; the kernel could, too", where)}
		}
		return []Finding{warning(fmt.Sprintf("fuse-overlayfs mounts it in %s, which is slower (%s)", where, reason)).
			advise("a local disk with ext4, xfs or btrfs is faster: rc --root DIRECTORY, or XDG_DATA_HOME")}
	}
	return []Finding{problem(fmt.Sprintf("nothing mounts it in %s: %s; fuse-overlayfs: %s", where, reason, fuse)).
		advise("see rc doctor fuse, or keep the data on a local disk with ext4, xfs or btrfs: rc --root DIRECTORY, or XDG_DATA_HOME")}
}

// Less than these is told: an image of a usual size needs as much again while it is pulled.
const (
	fullBytes, lowBytes   = 100 << 20, 2 << 30
	fullInodes, lowInodes = 1000, 20000
)

func checkDisk(_ context.Context, h *Host) []Finding {
	var out []Finding
	seen := map[unix.Fsid]bool{}
	var fine []string
	for _, dir := range []string{h.Config.DataRoot, h.Config.TmpDir} {
		dir = machine.Existing(dir)
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			out = append(out, problem(fmt.Sprintf("statfs %q: %v", dir, err)))
			continue
		}
		if seen[st.Fsid] {
			continue
		}
		seen[st.Fsid] = true
		inodes := st.Ffree
		if st.Files == 0 { // btrfs makes them as they are needed
			inodes = math.MaxUint64
		}
		if f := judgeDisk(dir, st.Bavail*uint64(st.Bsize), inodes); f.State != OK {
			out = append(out, f)
		} else {
			fine = append(fine, f.Detail)
		}
	}
	if out == nil {
		out = append(out, ok("%s", strings.Join(fine, "; ")))
	}
	return out
}

// judgeDisk judges a file system by what an ordinary user may still take.
func judgeDisk(dir string, bytes, inodes uint64) Finding {
	free := format.Size(int64(min(bytes, math.MaxInt64)))
	f := ok("%s free in %s", free, dir)
	switch {
	case bytes < fullBytes:
		f = problem(fmt.Sprintf("only %s free in %s", free, dir))
	case inodes < fullInodes:
		f = problem(fmt.Sprintf("only %d inodes free in %s: no more files can be made, whatever the bytes", inodes, dir))
	case bytes < lowBytes:
		f = warning(fmt.Sprintf("only %s free in %s", free, dir))
	case inodes < lowInodes:
		f = warning(fmt.Sprintf("only %d inodes free in %s: each file of an image takes one", inodes, dir))
	}
	if f.State == OK {
		return f
	}
	return f.byHand("rc system df").byHand("rc system prune").advise("or keep the data elsewhere: rc --root DIRECTORY, temporary files with --tmpdir")
}

func checkStore(ctx context.Context, h *Host) []Finding {
	var found []system.Finding
	err := system.Check(ctx, h.Config, system.CheckOptions{Quick: true, Max: 24 * time.Hour}, func(f system.Finding) { found = append(found, f) })
	if err != nil {
		return []Finding{fromError(fmt.Errorf("%w", err))}
	}
	if len(found) == 0 {
		return []Finding{ok("nothing is wrong with what is in %s (files of images were not read: rc system check does)", h.Config.DataRoot)}
	}
	var told []string
	for _, f := range found[:min(3, len(found))] {
		told = append(told, f.Object+": "+f.Problem)
	}
	if more := len(found) - len(told); more > 0 {
		told = append(told, fmt.Sprintf("and %d more", more))
	}
	return []Finding{warning(strings.Join(told, "; ")).mend("rc" + h.globals() + " system check --quick --repair")}
}

// globals are the options by which rc finds the same data, where they are not the usual ones.
func (h *Host) globals() string {
	if h.Options == "" {
		return ""
	}
	return " " + h.Options
}
