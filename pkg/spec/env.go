package spec

import (
	"slices"
	"strings"
)

// JoinEnv lays environments over each other: a later value of a key replaces an earlier
// one in its place.
func JoinEnv(layers ...[]string) []string {
	var out []string
	at := map[string]int{}
	for _, layer := range layers {
		for _, entry := range layer {
			key, _, _ := strings.Cut(entry, "=")
			if i, there := at[key]; there {
				out[i] = entry
				continue
			}
			at[key] = len(out)
			out = append(out, entry)
		}
	}
	return out
}

// EnvValue is the value of a key in an environment.
func EnvValue(env []string, key string) (string, bool) {
	i := slices.IndexFunc(env, func(entry string) bool { return strings.HasPrefix(entry, key+"=") })
	if i < 0 {
		return "", false
	}
	return env[i][len(key)+1:], true
}
