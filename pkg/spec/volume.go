package spec

import (
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// Types of mounts beside those that the kernel knows. A container's record has them as they
// were asked for; what is mounted is found out at each start.
const (
	// TypeVolume is a volume of rc's: Source is its name.
	TypeVolume = "volume"
	// TypeImage shows an image: Source is its name, OptImage its id.
	TypeImage = "image"
	// TypeGlob stands for several bind mounts; there is none in a record.
	TypeGlob = "glob"
)

// Options of TypeVolume and TypeImage that are rc's own, beside those for mount(2).
const (
	OptNoCopy      = "nocopy"        // leave an empty volume as it is
	OptAnonymous   = "anonymous"     // the volume was made for this container
	OptSubpath     = "subpath="      // show this part only
	OptVolumeLabel = "volume-label=" // KEY=VALUE: of a volume that is made
	OptVolumeOpt   = "volume-opt="   // KEY=VALUE: of a volume that is made
	OptImage       = "image="        // the id
	OptLower       = "lower="        // a layer's directory, topmost first
)

// Options of mounts that the shim makes: an image, or anything with OptOverlay.
const (
	OptOverlayDir   = "overlay-dir="   // the directory of the container's for it
	OptMountProgram = "mount-program=" // the only one that can mount it
)

// Volume is volume.json: what is known of a volume. The files are beside it.
type Volume struct {
	Name      string            `json:"name"`
	Driver    string            `json:"driver"` // local
	Created   time.Time         `json:"created"`
	Labels    map[string]string `json:"labels,omitempty"`
	Options   map[string]string `json:"options,omitempty"` // type, device, o; as given
	Anonymous bool              `json:"anonymous,omitempty"`
	// UID and GID own the top directory; nil is whoever the image or the first container says.
	UID *int `json:"uid,omitempty"`
	GID *int `json:"gid,omitempty"`
}

// DriverLocal is the driver of volumes that are directories, or what mount(8) can mount.
const DriverLocal = "local"

// VolumeOf is the volume that a mount of TypeVolume wants, for the case that there is none.
func VolumeOf(m specs.Mount) Volume {
	v := Volume{Name: m.Source, Driver: DriverLocal}
	set := func(to *map[string]string, pair string) {
		if *to == nil {
			*to = map[string]string{}
		}
		key, value, _ := strings.Cut(pair, "=")
		(*to)[key] = value
	}
	for _, option := range m.Options {
		if pair, ok := strings.CutPrefix(option, OptVolumeLabel); ok {
			set(&v.Labels, pair)
		} else if pair, ok := strings.CutPrefix(option, OptVolumeOpt); ok {
			set(&v.Options, pair)
		} else if option == OptAnonymous {
			v.Anonymous = true
		}
	}
	return v
}

// MountOptions splits the options of a mount: those that the mount itself takes, and the value
// of subpath=. What is for rc alone is left out.
func MountOptions(m specs.Mount) (options []string, subpath string) {
	for _, option := range m.Options {
		switch key, _, _ := strings.Cut(option, "="); key + "=" {
		case OptSubpath:
			subpath = strings.TrimPrefix(option, OptSubpath)
		case OptVolumeLabel, OptVolumeOpt, OptImage, OptLower, OptOverlayDir, OptMountProgram, OptNoCopy + "=", OptAnonymous + "=":
		default:
			options = append(options, option)
		}
	}
	return options, subpath
}

// CheckVolumeName refuses what cannot be a volume's name: docker's and podman's rule.
func CheckVolumeName(name string) error {
	const most = 255 // NAME_MAX
	ok := len(name) > 0 && len(name) <= most
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && (c == '_' || c == '.' || c == '-'))
	}
	if !ok {
		return errs.Invalidf("%q: not a volume's name: want letters, digits, _ . and -, beginning with a letter or digit", name)
	}
	return nil
}

// VolumesFrom is --volumes-from CONTAINER[:ro|rw].
type VolumesFrom struct {
	Container string
	Access    string // ro or rw; "" is as the container has them
}

func (v VolumesFrom) String() string {
	if v.Access == "" {
		return v.Container
	}
	return v.Container + ":" + v.Access
}

// Mount options that rc itself carries out; the rest go to mount(2).
const (
	// OptCopyUp fills an empty source with what the image has at the destination.
	OptCopyUp = "copyup"
	// OptTmpCopyUp fills a tmpfs with what the image has at the destination.
	OptTmpCopyUp = "tmpcopyup"
	// OptChown gives the source tree to the container's user.
	OptChown = "U"
	// OptOverlay mounts a throw-away overlay over the source.
	OptOverlay = "O"
	// OptReadOnlyTop is ro that leaves what is mounted below the source writable.
	OptReadOnlyTop = "ro-top"
	// OptReadOnlyAll is ro that must reach all that is mounted below the source, too.
	OptReadOnlyAll = "rro"
	// OptCopyLink makes a symbolic link of a source that is one.
	OptCopyLink = "copy-symlink"
	// Option=value of an overlay that keeps what is written.
	OptUpper = "upperdir="
	OptWork  = "workdir="
)
