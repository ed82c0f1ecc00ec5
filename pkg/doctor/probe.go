package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/overlay"
)

// ProbeVerb is rc's hidden verb that calls Probe.
const ProbeVerb = "__doctor"

// The probes: what a process of its own has to try.
const (
	probeMount   = "mount"   // in a user namespace with one id
	probeIDs     = "ids"     // in the default map
	probeOverlay = "overlay" // there, too
	probeRemove  = "remove"  // there, too
	probeNetwork = "network" // in a container
)

// InMap says whether a probe is for the default map's namespace.
func InMap(probe string) bool {
	return probe == probeIDs || probe == probeOverlay || probe == probeRemove
}

// Probe tries one thing in the process that it is called in, and prints what came of it.
func Probe(ctx context.Context, out io.Writer, probe string, args []string) error {
	switch probe {
	case probeMount:
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		return unix.Mount("tmpfs", "/", "tmpfs", 0, "")
	case probeIDs:
		return tryIDs(out)
	case probeOverlay:
		return json.NewEncoder(out).Encode(tryOverlay(ctx, args))
	case probeRemove:
		return remove(args)
	case probeNetwork:
		return json.NewEncoder(out).Encode(tryNetwork(ctx, args))
	}
	return errs.Invalidf("%s: rc calls it by itself", ProbeVerb)
}

// tryPrefix is what directories for trying begin with.
const tryPrefix = ".rc-doctor-"

// remove deletes one of them, whatever ids its files have.
func remove(args []string) error {
	if len(args) != 1 || !strings.HasPrefix(filepath.Base(args[0]), tryPrefix) {
		return errs.Invalidf("%s: rc calls it by itself", ProbeVerb)
	}
	return os.RemoveAll(args[0])
}

// tryIDs becomes the last of the ids that the namespace has.
func tryIDs(out io.Writer) error {
	last := func(file string) (int, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		end := 0
		for line := range strings.Lines(string(text)) {
			var inside, outside, count int
			if _, err := fmt.Sscan(line, &inside, &outside, &count); err != nil {
				return 0, fmt.Errorf("read %q: %w", file, err)
			}
			end = max(end, inside+count-1)
		}
		return end, nil
	}
	uid, err := last("/proc/self/uid_map")
	if err != nil {
		return err
	}
	gid, err := last("/proc/self/gid_map")
	if err != nil {
		return err
	}
	if err := unix.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("become group %d in the namespace: %w", gid, err)
	}
	if err := unix.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("become user %d in the namespace: %w", uid, err)
	}
	fmt.Fprintf(out, "users 0 to %d, groups 0 to %d\n", uid, gid)
	return nil
}

// mounted is what came of mounting with each program: "" is success.
type mounted map[string]string

// tryOverlay mounts an overlay in a directory of its own below args[0] with each of the programs in the rest,
// and does there what layers need: new owners, a file of the lower layer deleted and one replaced.
func tryOverlay(ctx context.Context, args []string) mounted {
	out := mounted{}
	if len(args) == 0 {
		return out
	}
	for _, program := range args[1:] {
		out[program] = ""
		if err := tryMount(ctx, args[0], program); err != nil {
			out[program] = err.Error()
		}
	}
	return out
}

func tryMount(ctx context.Context, below, program string) (err error) {
	dir, err := os.MkdirTemp(below, tryPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir(at(name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"deleted", "replaced"} {
		if err := os.WriteFile(at("lower/"+name), []byte("lower"), 0o644); err != nil {
			return err
		}
	}
	choice, err := overlay.Mount(ctx, overlay.Root{
		Lower: []string{at("lower")}, Upper: at("upper"), Work: at("work"), Target: at("root"), Program: program, Volatile: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, overlay.Unmount(at("root"))) }()
	if program == overlay.Native && choice.Program != program {
		return errors.New(choice.Reason)
	}
	if err := os.Remove(at("root/deleted")); err != nil {
		return err
	}
	if err := os.WriteFile(at("root/replaced"), []byte("upper"), 0o644); err != nil {
		return err
	}
	if err := os.Chown(at("root/replaced"), 1, 1); err != nil && !singleID() {
		return err
	}
	names, err := os.ReadDir(at("root"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(at("root/replaced"))
	if err == nil && (len(names) != 1 || string(text) != "upper") {
		err = fmt.Errorf("what was written is not what is read: %d files, %q", len(names), text)
	}
	return err
}

// singleID says that this namespace has one user only.
func singleID() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(strings.Fields(string(text))) == 3 && strings.Fields(string(text))[2] == "1"
}

// netReport is what a container sees of its network.
type netReport struct {
	Addresses []string `json:"addresses"`
	Route     bool     `json:"route"`
	Resolved  string   `json:"resolved"`
	// Problem is why a name could not be resolved.
	Problem string `json:"problem"`
}

// tryNetwork looks at this network namespace, and resolves args[0].
func tryNetwork(ctx context.Context, args []string) netReport {
	var out netReport
	addresses, _ := net.InterfaceAddrs() // none are told
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			out.Addresses = append(out.Addresses, a.String())
		}
	}
	routes, _ := os.ReadFile("/proc/net/route") // none are none
	out.Route = slices.ContainsFunc(strings.Split(string(routes), "\n"), func(line string) bool {
		f := strings.Fields(line)
		return len(f) > 7 && f[1] == "00000000" && f[7] == "00000000"
	})
	if len(args) > 0 {
		found, err := resolve(ctx, args[0])
		if err != nil {
			out.Problem = err.Error()
		}
		out.Resolved = found
	}
	return out
}

// resolve asks for the addresses of a name, within a time.
func resolve(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return "", err
	}
	return found[0], nil
}
