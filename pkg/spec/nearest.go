package spec

import (
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
)

// Meant is what an error about a word ends with: `; did you mean "this"?`, or nothing where no
// candidate is near.
func Meant(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// NotFound is errs.ErrNotFound of a container, a volume, …, with the nearest name of those that
// are there.
func NotFound(kind, name string, there []string) error {
	return fmt.Errorf("%s %q: %w%s", kind, name, errs.ErrNotFound, Meant(name, there))
}

// Nearest is the candidate at the least edit distance from word, at most a third of its
// length, else "".
func Nearest(word string, candidates []string) string {
	if len(word) > 64 { // no slip of the finger
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	for _, candidate := range candidates {
		if d := distance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours between
// two words.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
