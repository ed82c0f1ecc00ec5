package logs

import (
	"bytes"
	"unicode/utf8"
)

// maxText is how long a record's text gets: docker's and CRI's limit.
const maxText = 16 << 10

// splitter cuts the two streams of a container into lines, and keeps what has no newline yet.
type splitter struct {
	held [2][]byte
	// emit takes a line, or a piece of one. The text is valid during the call.
	emit func(stream int, text []byte, partial bool)
}

func (s *splitter) write(stream int, p []byte) {
	held := &s.held[stream-1]
	for len(p) > 0 {
		text, rest, whole := bytes.Cut(p, newline)
		if len(*held) > 0 {
			*held = append(*held, text...)
			text = *held
		}
		for len(text) > maxText {
			n := cut(text)
			s.emit(stream, text[:n], true)
			text = text[n:]
		}
		if whole {
			s.emit(stream, text, false)
			*held = (*held)[:0]
		} else {
			*held = append((*held)[:0], text...)
		}
		p = rest
	}
}

var newline = []byte{'\n'}

// cut is how much of a long text to take, so that no character is torn: json-file could not
// put it together again.
func cut(text []byte) int {
	for n := maxText; n > maxText-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return maxText
}

// flush emits what is held, and lets go of the memory.
func (s *splitter) flush() {
	for i, text := range s.held {
		if len(text) > 0 {
			s.emit(i+1, text, true)
		}
		s.held[i] = nil
	}
}
