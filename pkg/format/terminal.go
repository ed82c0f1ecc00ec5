package format

import (
	"os"

	"golang.org/x/term"
)

// Redraws tells whether f is a terminal on which lines can be drawn anew: TERM=dumb is one where they cannot.
func Redraws(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// Colours tells whether f is a terminal that shows colours, whose user has not asked for none (https://no-color.org).
func Colours(f *os.File) bool { return Redraws(f) && os.Getenv("NO_COLOR") == "" }
