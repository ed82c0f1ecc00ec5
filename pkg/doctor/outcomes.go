package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/machine"
)

// outcomes are what rc is for, done.
func outcomes() []Check {
	all := []string{"userns", "newuidmap", "idmap", "config", "programs", "overlay"}
	return []Check{
		{
			Name: "run", Title: "a container runs", Run: checkRun, Needs: all, Settings: true, Limit: time.Minute,
			Why: "this is what rc is for",
		},
		{
			Name: "build", Title: "an image is built", Run: checkBuild, Needs: []string{"run", "disk"}, Settings: true, Limit: time.Minute,
			Why: "rc build makes layers of what containers write, which takes more of the disk's file system than running them",
		},
		{
			Name: "network", Title: "a container has a network, and resolves names", Run: checkNetwork, Needs: []string{"run", "tun"}, Settings: true, Limit: time.Minute,
			Why: "this is the network that a container has where nothing else is said",
		},
		{
			Name: "bridge", Title: "a container on a bridge network", Run: checkBridge, Needs: []string{"run", "tun"}, Settings: true, Limit: time.Minute,
			Why: "on such networks containers find each other by name (rc network create); they need nftables, bridges and veth of the kernel",
		},
	}
}

// container runs this rc in a container whose root has nothing else in it, with no image.
func (h *Host) container(ctx context.Context, network string, args ...string) (output, error) {
	self, err := os.Executable()
	if err != nil {
		return output{}, err
	}
	rootfs, err := os.MkdirTemp(h.Config.TmpDir, "rc-doctor-")
	if err != nil {
		return output{}, err
	}
	defer os.RemoveAll(rootfs)
	// What is made for the mount points is made in the container's own layer.
	line := []string{"run", "--rm", "--volume", self + ":/rc:ro", "--log-driver", "none"}
	if network != defaultNetwork {
		line = append(line, "--network", network)
	}
	line = append(line, "--rootfs", rootfs+":O", "/rc")
	return h.self(ctx, append(line, args...)...), nil
}

func checkRun(ctx context.Context, h *Host) []Finding {
	begun := time.Now()
	got, err := h.container(ctx, "none", "--version")
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	if got.err != nil || !strings.Contains(got.stdout, "rc version") {
		return []Finding{fromError(hinted(got.failure()))}
	}
	return []Finding{ok("it did, in %d ms", time.Since(begun).Milliseconds())}
}

// defaultNetwork is what a container has that was not told.
const defaultNetwork = ""

func checkNetwork(ctx context.Context, h *Host) []Finding { return h.tryNetwork(ctx, defaultNetwork) }
func checkBridge(ctx context.Context, h *Host) []Finding  { return h.tryNetwork(ctx, "bridge") }

func (h *Host) tryNetwork(ctx context.Context, network string) []Finding {
	name := "docker.io"
	if search := h.Config.SearchRegistries(); len(search) > 0 {
		name, _, _ = strings.Cut(search[0], "/")
		name, _, _ = strings.Cut(name, ":")
	}
	_, hostErr := resolve(ctx, name)
	args := []string{ProbeVerb, probeNetwork}
	if hostErr == nil {
		args = append(args, name)
	}
	got, err := h.container(ctx, network, args...)
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	var report netReport
	if err := json.Unmarshal([]byte(got.stdout), &report); got.err != nil || err != nil {
		return []Finding{fromError(hinted(got.failure()))}
	}
	return []Finding{judgeNetwork(report, name, hostErr)}
}

// judgeNetwork judges what a container saw; hostErr is why the host itself cannot resolve the name.
func judgeNetwork(r netReport, name string, hostErr error) Finding {
	const look = "rc run --rm --network none works without; a firewall or a VPN may be in the way, and rc --log-level debug run … tells each step"
	at := "address " + strings.Join(r.Addresses, ", ")
	switch {
	case len(r.Addresses) == 0:
		return problem("the container had no address").advise(look)
	case !r.Route:
		return warning(at + ", and no way out of there: this machine has no default route, perhaps")
	case hostErr != nil:
		return ok("%s; names were not tried, since this machine itself resolves none (%v)", at, hostErr)
	case r.Resolved == "":
		return problem(fmt.Sprintf("%s; %s can be resolved here and not in a container: %s", at, name, r.Problem)).advise(look + "; --dns ADDRESS names another server")
	}
	return ok("%s; %s is %s", at, name, r.Resolved)
}

// checkBuild builds an image in a store of its own, which is deleted afterwards.
func checkBuild(ctx context.Context, h *Host) []Finding {
	begun := time.Now()
	self, err := os.Executable()
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	dir, err := os.MkdirTemp(machine.Existing(h.Config.DataRoot), tryPrefix)
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	// Its files may be of other ids.
	defer func() { _ = h.self(context.WithoutCancel(ctx), ProbeVerb, probeRemove, dir) }()
	files := filepath.Join(dir, "context")
	err = os.Mkdir(files, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(files, "Dockerfile"), []byte("FROM scratch\nCOPY rc /rc\nRUN [\"/rc\", \"--version\"]\n"), 0o600)
	}
	if err == nil {
		err = copyFile(filepath.Join(files, "rc"), self)
	}
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	got := h.self(ctx, "--root", filepath.Join(dir, "data"), "--runroot", filepath.Join(dir, "run"), "build", "--quiet", "--network", "none", files)
	if got.err != nil || len(strings.TrimSpace(got.stdout)) != 64 {
		return []Finding{fromError(hinted(got.failure()))}
	}
	return []Finding{ok("an image was, in %d ms", time.Since(begun).Milliseconds())}
}

// copyFile copies a program.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
