package doctor

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/doctor"
	"github.com/rc-containers/rc/pkg/format"
)

// page is what people read: a line for each finding, and what to do below those that are not well.
type page struct {
	out    io.Writer
	quiet  bool
	colour bool
	width  int // 0 is no limit
}

func newPage(out *os.File, quiet bool) *page {
	p := &page{out: out, quiet: quiet}
	if term.IsTerminal(int(out.Fd())) {
		p.colour = format.Colours(out)
		if columns, _, err := term.GetSize(int(out.Fd())); err == nil && columns > 60 {
			p.width = columns
		}
	}
	return p
}

// Columns: state, check, text.
const (
	stateWidth = 9
	checkWidth = 13
	margin     = stateWidth + checkWidth
)

// SGR codes of the states: green, yellow, red, faint.
var colours = map[doctor.State]string{doctor.OK: "32", doctor.Warning: "33", doctor.Problem: "1;31", doctor.Skipped: "2"}

func (p *page) result(r doctor.Result) {
	if p.quiet && r.State == doctor.OK {
		return
	}
	state := fmt.Sprintf("%-*s", stateWidth, r.State)
	if p.colour {
		state = "\x1b[" + colours[r.State] + "m" + state + "\x1b[0m"
	}
	fmt.Fprintf(p.out, "%s%-*s%s\n", state, checkWidth, r.Check, p.wrap(r.Detail, margin))
	for _, command := range r.Fixed {
		p.line("ran:", command)
	}
	if r.State == doctor.OK {
		return
	}
	if r.Why != "" {
		p.line("why:", p.wrap(r.Why, margin+labelWidth))
	}
	for _, remedy := range r.Remedies {
		p.line("mend:", remedy.Command) // in one line: it is to be copied
	}
	if r.Advice != "" {
		label := "do:"
		if len(r.Remedies) > 0 {
			label = "note:"
		}
		p.line(label, p.wrap(r.Advice, margin+labelWidth))
	}
}

const labelWidth = 6

func (p *page) line(label, text string) {
	fmt.Fprintf(p.out, "%*s%-*s%s\n", margin, "", labelWidth, label, text)
}

// wrap breaks a text at the terminal's width, with an indentation for all lines but the first.
func (p *page) wrap(text string, indent int) string {
	text = format.Plain(text)
	if p.width == 0 {
		return text
	}
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > p.width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// summary is the last line: what there is to do.
func (p *page) summary(results []doctor.Result, took time.Duration, fixed bool) {
	count := map[doctor.State]int{}
	fixable := 0
	for _, r := range results {
		count[r.State]++
		if r.Fixable() {
			fixable++
		}
	}
	wrong := count[doctor.Problem] + count[doctor.Warning]
	if wrong == 0 {
		if !p.quiet {
			fmt.Fprintf(p.out, "\nAll is well (%.1f s).\n", took.Seconds())
		}
		return
	}
	fmt.Fprintf(p.out, "\n%s, %s (%.1f s).", plural(count[doctor.Problem], "problem"), plural(count[doctor.Warning], "warning"), took.Seconds())
	if fixable > 0 && !fixed {
		fmt.Fprintf(p.out, " rc doctor --fix mends what needs no root (%d).", fixable)
	}
	fmt.Fprintln(p.out)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
