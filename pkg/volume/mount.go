package volume

// Kinds of volumes.
const (
	Plain = ""      // a directory of rc's
	Tmpfs = "tmpfs" // type=tmpfs: it lives in memory, for as long as its container runs
	Bind  = "bind"  // o=bind: a directory of the host
)

// Mount is what the options of a volume say.
type Mount struct {
	Kind string
	// Device is the directory of Bind.
	Device string
	// Options are those of a mount of Kind, in the order's vocabulary; Plain has none.
	Options []string
	NoCopy  bool
	// UID and GID are those of o=uid= and o=gid=.
	UID, GID *int
}
