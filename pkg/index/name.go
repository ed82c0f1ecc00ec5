package index

import (
	"fmt"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Name is a reference to an image: docker.io/library/alpine:3.20@sha256:…. It is parsed
// by hand: the regular expressions of github.com/distribution/reference take 0.6 ms to
// compile at every start of rc; a fuzz test holds both together.
type Name struct {
	Domain string // docker.io, localhost, host:port
	Path   string // library/alpine
	Tag    string // "" where none was given
	Digest string // sha256:…, "" where none was given
	// Short says that no domain was given: Domain and Path are those of docker.io, where
	// registries.conf says nothing else.
	Short bool
	// Given is what the user wrote, without tag and digest.
	Given string
}

// Repository is the name without tag and digest.
func (n Name) Repository() string { return n.Domain + "/" + n.Path }

// String is the full name; without a tag and a digest, just the repository.
func (n Name) String() string {
	s := n.Repository()
	if n.Tag != "" {
		s += ":" + n.Tag
	}
	if n.Digest != "" {
		s += "@" + n.Digest
	}
	return s
}

// Tagged is the name with a tag: latest where it has neither tag nor digest.
func (n Name) Tagged() Name {
	if n.Tag == "" && n.Digest == "" {
		n.Tag = "latest"
	}
	return n
}

// maxName is the longest repository name that registries accept (distribution spec).
const maxName = 255

// ParseName reads [DOMAIN/]PATH[:TAG][@DIGEST] as docker and podman do: the first component is
// a domain if it has a dot or a colon, or is localhost.
func ParseName(value string) (Name, error) {
	bad := func(why string) (Name, error) {
		return Name{}, errs.Invalidf("image name %q: %s", value, why)
	}
	rest := strings.TrimPrefix(value, "docker://")
	n := Name{}
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		n.Digest = rest[at+1:]
		rest = rest[:at]
		if !validDigest(n.Digest) {
			return bad("what follows @ is not a digest such as sha256:<64 hex digits>")
		}
	}
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		n.Tag = rest[colon+1:]
		rest = rest[:colon]
		if !validTag(n.Tag) {
			return bad("a tag has up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'")
		}
	}
	if rest == "" {
		return bad("it is empty")
	}
	n.Given = rest
	domain, path, found := strings.Cut(rest, "/")
	if !found || !strings.ContainsAny(domain, ".:") && domain != "localhost" {
		domain, path, n.Short = "docker.io", rest, true
	}
	if domain == "index.docker.io" {
		domain = "docker.io"
	}
	if domain == "docker.io" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	n.Domain, n.Path = domain, path
	switch {
	case !validDomain(domain):
		return bad("its first part is not a host name or host:port")
	case strings.ToLower(path) != path:
		return bad("it must be lowercase")
	case !validPath(path):
		return bad("its parts consist of a-z, 0-9 and single '.', '_', '__' or '-' between them")
	case len(n.Repository()) > maxName:
		return bad(fmt.Sprintf("it is longer than %d bytes", maxName))
	case n.Short && isID(rest):
		return bad("64 hex digits are an image id")
	}
	return n, nil
}

func alnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

// validPath: alnum+ ((. | _ | __ | -+) alnum+)*, joined by slashes.
func validPath(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || !alnum(part[0]) || !alnum(part[len(part)-1]) {
			return false
		}
		for i := 0; i < len(part); {
			j := i
			for j < len(part) && !alnum(part[j]) {
				j++
			}
			if sep := part[i:j]; sep != "" && sep != "." && sep != "_" && sep != "__" && strings.Trim(sep, "-") != "" {
				return false
			}
			i = j + 1
		}
	}
	return true
}

// validDomain: host and a port. The library that talks to registries takes no IPv6 addresses.
func validDomain(domain string) bool {
	host, port := domain, ""
	if i := strings.LastIndexByte(domain, ':'); i >= 0 {
		host, port = domain[:i], domain[i+1:]
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !letter(c) && !digit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func validTag(tag string) bool {
	if tag == "" || len(tag) > 128 || tag[0] == '.' || tag[0] == '-' {
		return false
	}
	for i := range len(tag) {
		if c := tag[i]; !letter(c) && !digit(c) && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// validDigest knows the algorithms of the OCI image specification.
func validDigest(d string) bool {
	algorithm, sum, _ := strings.Cut(d, ":")
	size := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
	return size > 0 && len(sum) == size && isHex(sum)
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

func isID(s string) bool { return len(s) == 64 && isHex(s) }
