package image

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Transports, as containers-transports(5) calls them.
const (
	TransportRegistry      = "docker"
	TransportDockerArchive = "docker-archive"
	TransportOCIArchive    = "oci-archive"
	TransportOCI           = "oci"
	TransportDir           = "dir"
	TransportStorage       = "containers-storage"
)

// Transports are those that rc can use, as they are typed.
func Transports() []string {
	return []string{"docker://", "docker-archive:", "oci-archive:", "oci:", "dir:", "containers-storage:"}
}

// Location is where an image is besides rc's store: TRANSPORT:PATH[:REFERENCE].
type Location struct {
	Transport string `json:"transport"`
	// Path is a file's or a directory's, absolute; for containers-storage, the store's specification
	// between brackets, if one is given. Empty for a registry.
	Path string `json:"path,omitempty"`
	// Ref is the name in a registry, of an image in an archive or a store; a tag in an OCI layout. "" is the only one there is.
	Ref string `json:"ref,omitempty"`
}

// String writes a location as a user does.
func (l Location) String() string {
	switch l.Transport {
	case TransportRegistry:
		return "docker://" + l.Ref
	case TransportStorage:
		if l.Path != "" {
			return l.Transport + ":[" + l.Path + "]" + l.Ref
		}
		return l.Transport + ":" + l.Ref
	}
	if l.Ref != "" {
		return l.Transport + ":" + l.Path + ":" + l.Ref
	}
	return l.Transport + ":" + l.Path
}

// refused are transports of podman that rc has no use for, with the way round.
func refused(transport string) string {
	switch transport {
	case "docker-daemon":
		return "docker save NAME | rc load, and the other way: rc save NAME | docker load"
	case "ostree", "sif":
		return "skopeo copy " + transport + ":… oci-archive:FILE, then rc load -i FILE"
	}
	return ""
}

// ParseLocation reads TRANSPORT:…. ok is false where value names no transport: then it is a name.
func ParseLocation(value string) (l Location, ok bool, err error) {
	if ref, found := strings.CutPrefix(value, "docker://"); found {
		return Location{Transport: TransportRegistry, Ref: ref}, true, nil
	}
	transport, rest, found := strings.Cut(value, ":")
	if !found {
		return l, false, nil
	}
	if hint := refused(transport); hint != "" {
		return l, true, errs.WithHint(errs.Unsupportedf("%q: rc does not know the transport %s", value, transport), hint)
	}
	switch transport {
	case TransportDockerArchive, TransportOCIArchive, TransportOCI, TransportDir, TransportStorage:
	default:
		return l, false, nil // a tag
	}
	l.Transport = transport
	switch transport {
	case TransportStorage:
		l.Ref = rest
		if inside, bracket := strings.CutPrefix(rest, "["); bracket {
			if l.Path, l.Ref, found = strings.Cut(inside, "]"); !found {
				return l, true, errs.Invalidf("%q: a ] is missing", value)
			}
		}
		if l.Ref == "" {
			return l, true, errs.Invalidf("%q: want containers-storage:NAME", value)
		}
		return l, true, nil
	case TransportDir:
		l.Path = rest
	default:
		l.Path, l.Ref, _ = strings.Cut(rest, ":")
	}
	if l.Path == "" {
		return l, true, errs.Invalidf("%q: want %s:PATH", value, transport)
	}
	l.Path, err = filepath.Abs(l.Path)
	return l, true, err
}

// HasTransport says whether a value names another transport than a registry's.
func HasTransport(value string) bool {
	l, ok, _ := ParseLocation(value)
	return ok && l.Transport != TransportRegistry
}

// manifestTypes are what --format of push takes.
func manifestTypes() []string { return []string{"", "oci", "v2s2"} }

// ParseManifestType reads --format of push.
func ParseManifestType(value string) (string, error) {
	if value == "v2s1" {
		return "", errs.WithHint(errs.Unsupportedf("--format v2s1: no registry takes docker's schema 1 any more"), "--format v2s2")
	}
	if !slices.Contains(manifestTypes(), value) {
		return "", errs.Invalidf("--format %q: want oci or v2s2", value)
	}
	return value, nil
}

// ParseCompression reads --compression-format.
func ParseCompression(value string) (string, error) {
	switch value {
	case "", "gzip", "zstd":
		return value, nil
	case "zstd:chunked":
		return "", errs.WithHint(errs.Unsupportedf("--compression-format zstd:chunked: rc pulls whole layers and does not write the index for parts of them"), "--compression-format zstd")
	}
	return "", errs.Invalidf("--compression-format %q: want gzip or zstd", value)
}
