package format

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/docker/go-units"
)

// Ago is how long ago t was at the time now: "5 seconds ago".
func Ago(t, now time.Time) string { return Duration(now.Sub(t)) + " ago" }

// Duration is "5 seconds", "About a minute", "2 weeks", as docker and podman say it.
func Duration(d time.Duration) string { return units.HumanDuration(max(d, 0)) }

// Size is a number of bytes in powers of 1000, with three digits: "7.63 MB".
func Size(bytes int64) string {
	s := units.HumanSizeWithPrecision(float64(bytes), 3)
	i := strings.IndexFunc(s, unicode.IsLetter)
	if i < 0 {
		return s
	}
	return s[:i] + " " + s[i:]
}

// Truncate is s cut to n characters.
func Truncate(s string, n int) string {
	if n < 0 {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Ellipsis is s cut to n characters, the last of them "…" where something is missing.
func Ellipsis(s string, n int) string {
	if cut := Truncate(s, n); cut != s && n > 0 {
		return Truncate(s, n-1) + "…"
	}
	return s
}

// ShortID is the first 12 digits of an id, which docker and podman show.
func ShortID(id string) string { return Truncate(strings.TrimPrefix(id, "sha256:"), 12) }

// Plain is s with control characters written out (\n, \x1b), for cells of a table and
// lines on a terminal: what an image or a label says must not steer the terminal.
func Plain(s string) string {
	if strings.IndexFunc(s, steers) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !steers(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
