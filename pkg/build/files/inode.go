package files

import (
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/files/memory"
)

// inode is what files of one or more names are.
type inode struct {
	mode     uint32 // with the type
	uid, gid uint32
	mtime    int64 // seconds
	size     int64
	link     string            // where a symbolic link leads
	xattrs   map[string]string // of a directory, or of a file that is not in a source
	// ours says that nothing of it comes from a source: --chown and --chmod have been applied to it already; known that
	// sum is set.
	ours, known bool

	// A file's content is one of these:
	from *origin
	made *made

	sum     memory.Sum // of content and attributes, see Memory
	written *node      // its first name in the archive
}

// made is content that is in no source: here, or in a file that is moved to its place.
type made struct {
	data []byte
	temp string
}

// origin is where in a source a file is, and which one it was when it was chosen.
type origin struct {
	src          *Source
	dir, name    string
	id           fileID
	mtime, ctime int64 // nanoseconds since 1970
}

func newInode(it *item) *inode {
	return &inode{
		mode: it.st.Mode, uid: it.st.Uid, gid: it.st.Gid, mtime: it.st.Mtim.Sec, size: it.st.Size,
	}
}

func (i *inode) kind() uint32 { return i.mode & unix.S_IFMT }

func (i *inode) isDir() bool { return i.kind() == unix.S_IFDIR }
