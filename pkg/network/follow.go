package network

import (
	"bytes"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// follower keeps a container's resolv.conf like the host's while the container runs. The file
// is a mount in the container, so that it is written to and not replaced.
type follower struct {
	resolver *Resolver
	file     string // the container's
	inotify  int
	last     []byte // the host's, as it was
}

// follow watches the directories that the host's resolvers write to: systemd-resolved,
// NetworkManager and resolvconf replace files, which a watch on a file does not outlive. -1 is
// for no watch, where the kernel has none to give.
func follow(resolver *Resolver, dir string) *follower {
	f := &follower{resolver: resolver, file: filepath.Join(dir, resolvFile), inotify: -1}
	if resolver == nil || dir == "" {
		return f
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return f
	}
	f.inotify = fd
	f.watch()
	// rc has written the file: the host's may have changed since.
	f.last = HostResolvConf()
	if conf, err := os.ReadFile(f.file); err == nil && f.last != nil && !bytes.Equal(conf, resolver.Conf(f.last)) {
		f.write(resolver.Conf(f.last))
	}
	return f
}

const resolvFile = "resolv.conf"

// watch is called again after each change: /etc/resolv.conf may lead elsewhere then. A directory that
// is watched already stays what it was.
func (f *follower) watch() {
	dirs := []string{filepath.Dir(resolvPath), filepath.Dir(resolvBehindStub)}
	if target, err := filepath.EvalSymlinks(resolvPath); err == nil {
		dirs = append(dirs, filepath.Dir(target))
	}
	for _, dir := range dirs {
		_, _ = unix.InotifyAddWatch(f.inotify, dir, unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_CREATE|unix.IN_DELETE) // not there is fine
	}
}

// settling is for a file that is written in several steps.
const settling = 50 * time.Millisecond

// changed is called when a directory has changed: most of that is about other files.
func (f *follower) changed() {
	if !f.concerned() {
		return
	}
	time.Sleep(settling)
	f.concerned() // what has come since then is looked at now, too
	f.watch()
	host := HostResolvConf()
	if host == nil || bytes.Equal(host, f.last) {
		return // between two versions, or the same again
	}
	f.last = host
	r := *f.resolver
	if r.OldForwarder && len(usable(host)) > 0 {
		r.Servers = nil
	}
	f.write(r.Conf(host))
}

// write is in one piece, and cuts off only then: nobody shall find the file empty. What cannot
// be written stays as it was.
func (f *follower) write(conf []byte) {
	out, err := os.OpenFile(f.file, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	if _, err := out.Write(conf); err == nil {
		_ = out.Truncate(int64(len(conf)))
	}
	_ = out.Close()
}

// concerned empties the queue; it says whether something may be about a resolv.conf.
func (f *follower) concerned() bool {
	buf := make([]byte, 4096)
	found := false
	for {
		n, err := unix.Read(f.inotify, buf)
		if err != nil || n <= 0 {
			return found
		}
		for data := buf[:n]; len(data) >= unix.SizeofInotifyEvent; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&data[0]))
			end := unix.SizeofInotifyEvent + int(event.Len)
			if end > len(data) {
				break
			}
			name := unix.ByteSliceToString(data[unix.SizeofInotifyEvent:end])
			found = found || name == resolvFile || name == "stub-resolv.conf" || event.Mask&unix.IN_Q_OVERFLOW != 0
			data = data[end:]
		}
	}
}

// usable are the host's servers that a container can reach itself.
func usable(host []byte) []string {
	var list []string
	for _, s := range nameservers(host) {
		if reachable(s) {
			list = append(list, s)
		}
	}
	return list
}
