package logs

import (
	"bytes"
	"time"
)

// format is how a file holds records, each a line of its own.
type format interface {
	// stamp sets the time of the records that follow.
	stamp(now time.Time)
	// append adds a record to dst.
	append(dst []byte, stream int, text []byte, partial bool) []byte
	// parse reads a record without its newline. The text may be part of it.
	parse(record []byte) (Line, bool)
	// begins says whether a record can begin like this.
	begins(torn []byte) bool
}

// k8sTime is what conmon writes: nine digits always, so that records sort as text.
const k8sTime = "2006-01-02T15:04:05.000000000-07:00"

// k8sFormat is that of CRI and podman. It has no place for a tag.
type k8sFormat struct {
	time   []byte
	parsed timeCache
}

// timeCache parses times. It knows the one before, since the records of one chunk have one time.
type timeCache struct {
	text string
	at   time.Time
}

func (c *timeCache) parse(text []byte) (time.Time, bool) {
	if string(text) != c.text {
		copied := string(text)
		at, err := time.Parse(time.RFC3339Nano, copied)
		if err != nil {
			return time.Time{}, false
		}
		c.text, c.at = copied, at
	}
	return c.at, true
}

func (f *k8sFormat) stamp(now time.Time) { f.time = now.AppendFormat(f.time[:0], k8sTime) }

func (f *k8sFormat) append(dst []byte, stream int, text []byte, partial bool) []byte {
	dst = append(dst, f.time...)
	switch {
	case stream == Stderr && partial:
		dst = append(dst, " stderr P "...)
	case stream == Stderr:
		dst = append(dst, " stderr F "...)
	case partial:
		dst = append(dst, " stdout P "...)
	default:
		dst = append(dst, " stdout F "...)
	}
	dst = append(dst, text...)
	return append(dst, '\n')
}

func (f *k8sFormat) parse(record []byte) (Line, bool) {
	stamp, rest, ok := bytes.Cut(record, []byte{' '})
	// "stdout F " at least; the text may be empty.
	if !ok || len(rest) < 9 || rest[6] != ' ' || rest[8] != ' ' {
		return Line{}, false
	}
	l := Line{Text: rest[9:]}
	if l.Stream = streamOf(rest[:6]); l.Stream == 0 {
		return Line{}, false
	}
	switch rest[7] {
	case 'F':
	case 'P':
		l.Partial = true
	default:
		return Line{}, false
	}
	l.Time, ok = f.parsed.parse(stamp)
	return l, ok
}

// begins compares with a time's shape.
func (f *k8sFormat) begins(torn []byte) bool { return shaped(torn, "0000-00-00T00:00:00.") }

// shaped compares as far as both go; 0 is any digit.
func shaped(text []byte, shape string) bool {
	for i := range min(len(text), len(shape)) {
		if c := text[i]; c != shape[i] && (shape[i] != '0' || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func streamOf(name []byte) int {
	switch string(name) {
	case "stdout":
		return Stdout
	case "stderr":
		return Stderr
	}
	return 0
}
