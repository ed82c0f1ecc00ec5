package build

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/build"
)

// tty draws all steps again and again, with times, what has come last on the screen.
type tty struct {
	out *os.File

	mu sync.Mutex
	*book
	drawn    int // lines on the screen that are to be drawn over
	warnings []string
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// drawEvery is how often the screen changes at most.
const drawEvery = 100 * time.Millisecond

// outputLines is how many lines of what a step prints are on the screen.
const outputLines = 6

func newTTY(out *os.File) *tty {
	t := &tty{out: out, book: newBook(), stop: make(chan struct{})}
	t.stopped.Go(func() {
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		for {
			select {
			case <-t.stop:
				return
			case now := <-tick.C:
				t.draw(now, false)
			}
		}
	})
	return t
}

func (t *tty) Event(e build.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Warning != "" {
		t.warnings = append(t.warnings, e.Warning)
	}
	if e.Name != "" || e.State != "" || len(e.Log) > 0 || e.Current > 0 {
		t.note(e)
	}
}

// End leaves the whole list on the screen.
func (t *tty) End() {
	close(t.stop)
	t.stopped.Wait()
	t.draw(time.Now(), true)
}

func (t *tty) draw(now time.Time, last bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width < 20 || height < 5 {
		width, height = 80, 24
	}
	lines := t.frame(now, width, last)
	if most := height - 1; !last && len(lines) > most {
		// The head stays, and the end, where things are going on.
		lines = append(lines[:1:1], lines[len(lines)-most+1:]...)
	}
	var screen strings.Builder
	if t.drawn > 0 {
		fmt.Fprintf(&screen, "\x1b[%dA", t.drawn)
	}
	screen.WriteString("\r\x1b[J")
	for _, w := range t.warnings {
		screen.WriteString("Warning: " + w + "\n")
	}
	t.warnings = nil
	for _, line := range lines {
		screen.WriteString(line + "\n")
	}
	t.drawn = len(lines)
	if last {
		t.drawn = 0
	}
	_, _ = t.out.WriteString(screen.String()) // a terminal that is gone is no reason to stop
}

// frame is what is on the screen at a moment, each line no wider than width.
func (t *tty) frame(now time.Time, width int, last bool) []string {
	ended := 0
	for _, s := range t.steps {
		if !s.ended.IsZero() {
			ended++
		}
	}
	word := "Building"
	if last && t.failed == nil {
		word = "Built"
	}
	lines := []string{fmt.Sprintf("[+] %s %.1fs (%d/%d)", word, now.Sub(t.begun).Seconds(), ended, len(t.steps))}
	for _, s := range t.steps {
		lines = append(lines, s.row(now, width))
		if s.state != build.StateBegin {
			continue
		}
		for _, l := range s.tail[max(0, len(s.tail)-outputLines):] {
			lines = append(lines, fit(" => => # "+strings.ReplaceAll(l.text, "\t", "    "), width))
		}
	}
	return lines
}

// row is a step with its time at the right.
func (s *step) row(now time.Time, width int) string {
	end := s.ended
	if end.IsZero() {
		end = now
	}
	took := ""
	if !s.begun.IsZero() {
		took = fmt.Sprintf("%.1fs", max(0, end.Sub(s.begun).Seconds()))
	}
	left := " => "
	switch s.state {
	case build.StateCached:
		left += "CACHED "
	case build.StateFailed:
		left += "ERROR "
	}
	left += s.name
	right := took
	if a := amount(s); a != "" {
		right = a + "  " + took
	}
	left = fit(left, width-len(right)-1)
	return left + strings.Repeat(" ", max(1, width-runes(left)-len(right))) + right
}

func runes(text string) int { return len([]rune(text)) }

// fit cuts a text to a width.
func fit(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:max(0, width-1)]) + "…"
	}
	return text
}
