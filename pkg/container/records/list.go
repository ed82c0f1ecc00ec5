package records

import (
	"cmp"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// ListOptions say which containers to list, and in what order.
type ListOptions struct {
	All     bool // not only those that run, or wait for their restart
	Last    int  // the newest so many, in any state; 0 is all
	Filters Filters
	Sort    string // of SortKeys; "" is by creation, oldest first
	// Size is asked for where Sort needs it.
	Size func(state.Entry) int64
}

// List lists containers. The errors are of records that could not be read: each hides its
// own container only.
func List(root state.Root, o ListOptions) ([]state.Entry, []error) {
	entries, broken := root.List()
	var out []state.Entry
	for _, e := range entries {
		// docker's ps shows who waits for a restart, too, and podman has no such state: what crashes again and
		// again shall not go unseen.
		up := e.Status == state.Running || e.Status == state.Restarting
		if (o.All || o.Last > 0 || o.Filters.chooseStatus() || up) && o.Filters.match(e) {
			out = append(out, e)
		}
	}
	if o.Last > 0 && len(out) > o.Last {
		out = out[len(out)-o.Last:]
	}
	o.sort(out)
	return out, broken
}

// SortKeys are the orders that List knows.
func SortKeys() []string {
	return []string{"command", "created", "id", "image", "names", "runningfor", "size", "status"}
}

func (o ListOptions) sort(es []state.Entry) {
	by := func(f func(a, b state.Entry) int) { slices.SortStableFunc(es, f) }
	switch o.Sort {
	case "command":
		by(func(a, b state.Entry) int { return slices.Compare(a.Command, b.Command) })
	case "id":
		by(func(a, b state.Entry) int { return strings.Compare(a.ID, b.ID) })
	case "image":
		by(func(a, b state.Entry) int { return strings.Compare(a.Image, b.Image) })
	case "names":
		by(func(a, b state.Entry) int { return strings.Compare(a.Name, b.Name) })
	case "runningfor":
		by(func(a, b state.Entry) int { return Started(a).Compare(Started(b)) })
	case "size":
		by(func(a, b state.Entry) int { return cmp.Compare(o.Size(a), o.Size(b)) })
	case "status":
		by(func(a, b state.Entry) int { return strings.Compare(a.Status, b.Status) })
	}
}

// CheckSort refuses a --sort that List does not know.
func CheckSort(key string) error {
	if key == "" || slices.Contains(SortKeys(), key) {
		return nil
	}
	return errs.Invalidf("--sort %q: want one of %s%s", key, strings.Join(SortKeys(), ", "), spec.Meant(key, SortKeys()))
}

// Started is when a container was started last, zero if never.
func Started(e state.Entry) time.Time {
	switch {
	case e.State != nil:
		return e.State.Started
	case e.Exit != nil:
		return e.Exit.Started
	}
	return time.Time{}
}

// StatusText is a container's status for people: "Up 5 seconds (healthy)", "Exited (0) 2
// minutes ago".
func StatusText(e state.Entry, now time.Time) string {
	switch {
	case e.Status == state.Paused && e.State != nil:
		return "Up " + format.Duration(now.Sub(e.State.Started)) + " (Paused)"
	case e.Status == state.Running && e.State != nil:
		text := "Up " + format.Duration(now.Sub(e.State.Started))
		if health := HealthText(e); health != "" {
			text += " (" + health + ")"
		}
		return text
	case e.Status == state.Restarting && e.Exit != nil && !e.Exit.Finished.IsZero():
		return fmt.Sprintf("Restarting (%d) %s", e.Exit.Code, format.Ago(e.Exit.Finished, now))
	case e.Status == state.Exited && e.Exit != nil && e.Lost:
		return fmt.Sprintf("Exited (%d), shim lost", e.Exit.Code)
	case e.Status == state.Exited && e.Exit != nil:
		return fmt.Sprintf("Exited (%d) %s", e.Exit.Code, format.Ago(e.Exit.Finished, now))
	}
	return strings.ToUpper(e.Status[:1]) + e.Status[1:]
}

// HealthText is what is known of a container's health, "" for one without a healthcheck.
func HealthText(e state.Entry) string {
	switch {
	case !e.Summary.Health:
		return ""
	case !e.Alive():
		return spec.HealthStopped
	case e.Health == nil || e.Health.Status == "":
		return spec.HealthStarting
	}
	return e.Health.Status
}

// Restarts is how often a restart policy has started the container anew.
func Restarts(e state.Entry) int {
	switch {
	case e.State != nil:
		return e.State.Restarts
	case e.Exit != nil:
		return e.Exit.Restarts
	}
	return 0
}

// WrittenSize is how much a container has written: the bytes of its upper directory's
// files, hard links once. It must run in the default map, since directories may belong to
// subordinate ids.
func WrittenSize(root state.Root, id string) (int64, error) {
	type inode struct{ dev, ino uint64 }
	seen := map[inode]bool{}
	var size int64
	err := linux.WalkDir(filepath.Join(root.Dir(id), "upper"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return ignoreGone(&fs.PathError{Op: "lstat", Path: path, Err: err})
		}
		if st.Nlink > 1 {
			at := inode{st.Dev, st.Ino}
			if seen[at] {
				return nil
			}
			seen[at] = true
		}
		if st.Mode&unix.S_IFMT == unix.S_IFREG || st.Mode&unix.S_IFMT == unix.S_IFLNK {
			size += st.Size
		}
		return nil
	})
	return size, err
}

// ImageSize is the size of an image by its id, 0 for one that has gone.
func ImageSize(cfg *config.Config, id string) int64 {
	if id == "" {
		return 0
	}
	ix, err := index.Read(cfg)
	if err != nil {
		return 0
	}
	e, err := ix.Find(id)
	if err != nil {
		return 0
	}
	return e.Size
}
