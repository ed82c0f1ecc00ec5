package spec

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// SplitFilter reads --filter KEY=VALUE of any verb, KEY one of keys.
func SplitFilter(text string, keys []string) (key, value string, err error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || !slices.Contains(keys, key) {
		return "", "", errs.Invalidf("--filter %q: want KEY=VALUE, KEY one of %s%s", text, strings.Join(keys, ", "), Meant(key, keys))
	}
	return key, value, nil
}
