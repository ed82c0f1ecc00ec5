package oci

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// sysctls checks that each key belongs to one of the container's own namespaces, and
// sorts them, so that errors do not depend on a map's order.
func sysctls(values map[string]string, namespaces int) ([]sysctl, error) {
	if len(values) == 0 {
		return nil, nil
	}
	out := make([]sysctl, 0, len(values))
	for key, value := range values {
		flag, kind := sysctlNamespace(key)
		if flag == 0 {
			return nil, errs.WithHint(
				fmt.Errorf("sysctl %q: it belongs to no namespace, so it would change the host: %w", key, errs.ErrInvalid),
				"possible are net.*, fs.mqueue.*, kernel.domainname, kernel.hostname, kernel.msg*, kernel.sem and kernel.shm*")
		}
		if namespaces&flag == 0 {
			return nil, fmt.Errorf("sysctl %q: the container shares the host's %s namespace: %w", key, kind, errs.ErrInvalid)
		}
		out = append(out, sysctl{key, value})
	}
	slices.SortFunc(out, func(a, b sysctl) int { return strings.Compare(a.key, b.key) })
	return out, nil
}

// sysctlNamespace is the namespace that a kernel variable belongs to: namespaces(7).
func sysctlNamespace(key string) (flag int, kind string) {
	name := strings.ReplaceAll(key, "/", ".")
	for part := range strings.SplitSeq(name, ".") {
		if part == "" { // also what "..": would climb out
			return 0, ""
		}
	}
	switch name {
	case "kernel.domainname", "kernel.hostname":
		return unix.CLONE_NEWUTS, "uts"
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced", "kernel.msg_next_id", "kernel.sem_next_id", "kernel.shm_next_id", "kernel.auto_msgmni":
		return unix.CLONE_NEWIPC, "ipc"
	}
	switch {
	case strings.HasPrefix(name, "fs.mqueue."):
		return unix.CLONE_NEWIPC, "ipc"
	case strings.HasPrefix(name, "net."):
		return unix.CLONE_NEWNET, "network"
	}
	return 0, ""
}

// sysctlPath is the key's file below /proc/sys. A key may be written with slashes, for interface names
// that hold dots (sysctl(8)).
func sysctlPath(key string) string {
	dot, slash := strings.IndexByte(key, '.'), strings.IndexByte(key, '/')
	if slash < 0 || dot >= 0 && dot < slash {
		// The first separator is the dot: dots separate, and a slash stands for a dot.
		key = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return key
}

// setSysctls writes below procSys, the caller's /proc/sys, which shows this process's own
// namespaces; the container's own could be anything by now.
func setSysctls(procSys int, values []sysctl) error {
	for _, s := range values {
		fd, err := linux.OpenInRoot(procSys, sysctlPath(s.key), unix.O_WRONLY)
		if err == nil {
			_, err = unix.Write(fd, []byte(s.value))
			_ = unix.Close(fd)
		}
		if err != nil {
			return fmt.Errorf("sysctl %s=%s: %w", s.key, s.value, err)
		}
	}
	return nil
}
