package parse

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Capability reads a capability's name, with or without CAP_, in either case, or ALL.
func Capability(value string) (string, error) {
	name := strings.ToUpper(strings.TrimSpace(value))
	if name == spec.CapAll {
		return spec.CapAll, nil
	}
	if !strings.HasPrefix(name, "CAP_") {
		name = "CAP_" + name
	}
	if !slices.Contains(spec.CapabilityNames(), name) {
		if near := spec.Nearest(strings.TrimPrefix(name, "CAP_"), spec.ShortCapabilityNames()); near != "" {
			return "", Invalid(value, "unknown capability; did you mean %s?", near)
		}
		return "", Invalid(value, "unknown capability: capabilities(7) lists them")
	}
	return name, nil
}
