package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Source is something that has files: exactly one of its fields, besides those that say more.
type Source struct {
	Stage   *Stage // another stage
	Image   string // an image by name, as written
	Context string // --build-context by name; "" with Build
	Build   bool   // the build context
	Scratch bool   // nothing
	// Platform is that of FROM --platform, "" where it does not say.
	Platform string
	// Meant is the name of a stage that Image may have been meant to be, "" where none resembles it.
	Meant string
}

// contextName is how the names of images and of --build-context are compared: an image's as users write it.
func contextName(ref string) string {
	name := strings.ToLower(ref)
	for _, host := range []string{"docker.io/", "index.docker.io/"} {
		name = strings.TrimPrefix(name, host)
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "library/"), ":latest")
}

// outside is a source by a name that is no stage's.
func (p *Plan) outside(ref string) Source {
	if strings.EqualFold(ref, "scratch") {
		return Source{Scratch: true}
	}
	if name, ok := p.contexts[contextName(ref)]; ok {
		return Source{Context: name}
	}
	s := Source{Image: ref}
	if !strings.ContainsAny(ref, "/:@.") {
		s.Meant = spec.Nearest(strings.ToLower(ref), slices.Sorted(maps.Keys(p.named)))
	}
	return s
}

// from is what COPY --from= or --mount=from= names in a stage.
func (p *Plan) from(s *Stage, ref string) (Source, error) {
	if n, err := strconv.Atoi(ref); err == nil {
		if n < 0 || n >= len(p.all) {
			return Source{}, fmt.Errorf("there is no stage %q: stages are numbered from 0 to %d", ref, len(p.all)-1)
		}
		return p.earlier(s, p.all[n], ref)
	}
	if other, ok := p.named[strings.ToLower(ref)]; ok {
		return p.earlier(s, other, ref)
	}
	return p.outside(ref), nil
}

// earlier refuses a stage that is not there yet when s is built.
func (p *Plan) earlier(s, other *Stage, ref string) (Source, error) {
	switch {
	case other == s:
		return Source{}, fmt.Errorf("stage %q cannot copy from itself", ref)
	case other.Index > s.Index:
		return Source{}, fmt.Errorf("stage %q comes after %q: it must be defined before it is copied from", ref, s.Name)
	}
	return Source{Stage: other}, nil
}
