package mount

import (
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// VolumesFrom reads --volumes-from; z is a label, see NoOps.
func VolumesFrom(value string) (spec.VolumesFrom, error) {
	name, list, _ := strings.Cut(value, ":")
	from := spec.VolumesFrom{Container: name}
	if name == "" {
		return from, parse.Invalid(value, "want CONTAINER[:ro|rw]")
	}
	for option := range strings.SplitSeq(list, ",") {
		switch option {
		case "", "z":
		case "ro", "rw":
			if from.Access != "" {
				return from, parse.Invalid(value, "options %q and %q exclude each other", from.Access, option)
			}
			from.Access = option
		default:
			return from, parse.Invalid(value, "unknown option %q: want ro, rw or z", option)
		}
	}
	return from, nil
}
