package worker

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// bar says how far all layers together are.
type bar struct {
	begun   time.Time
	layers  int
	total   int64 // bytes of the layers whose size is known
	unknown bool  // there are others
	done    int64 // bytes that have come
	kept    int64 // bytes that were here from an earlier attempt

	rate     float64 // bytes per second
	lastTime time.Time
	lastDone int64
}

// line is the bar as it is drawn at a moment, no wider than width:
//
//	Copying 5 layers  41%  ███████▎         28.4MB/70.1MB  12.3MB/s  3s left
func (b *bar) line(now time.Time, width int) string {
	b.measure(now)
	left := fmt.Sprintf("Copying %d layers", b.layers)
	if b.layers == 1 {
		left = "Copying 1 layer"
	}
	have := b.done + b.kept
	right := human(have)
	share := -1.0
	if !b.unknown && b.total > 0 {
		share = min(float64(have)/float64(b.total), 1)
		right += "/" + human(b.total)
		left += fmt.Sprintf(" %3.0f%%", share*100)
	}
	if b.rate > 0 {
		right += "  " + human(int64(b.rate)) + "/s"
	}
	switch {
	case share >= 1:
		right += "  unpacking"
	case share >= 0 && b.rate > 0:
		right += "  " + remaining(float64(b.total-have)/b.rate) + " left"
	}
	room := width - len(left) - len(right) - 4
	if share < 0 || room < 10 {
		return cut(left+"  "+right, width)
	}
	return left + "  " + blocks(share, min(room, 40)) + "  " + right
}

// measure averages the rate over some seconds.
func (b *bar) measure(now time.Time) {
	if b.lastTime.IsZero() {
		b.lastTime = b.begun
	}
	passed := now.Sub(b.lastTime).Seconds()
	if passed < 0.5 {
		return
	}
	current := float64(b.done-b.lastDone) / passed
	weight := min(passed/3, 1)
	if b.lastDone == 0 {
		weight = 1
	}
	b.rate += weight * (current - b.rate)
	b.lastTime, b.lastDone = now, b.done
}

func human(n int64) string { return units.HumanSize(float64(max(n, 0))) }

func remaining(seconds float64) string {
	d := time.Duration(min(seconds, 360_000)) * time.Second
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds())+1)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// blocks draws a share of a width, in eighths of a column.
func blocks(share float64, width int) string {
	eighths := int(share * float64(width) * 8)
	full := strings.Repeat("█", eighths/8)
	n := eighths / 8
	if rest := eighths % 8; rest > 0 && n < width {
		full += string([]rune(" ▏▎▍▌▋▊▉")[rest])
		n++
	}
	return full + strings.Repeat(" ", width-n)
}

// cut is for lines of one byte per column.
func cut(s string, width int) string {
	if len(s) > width {
		return s[:max(width, 0)]
	}
	return s
}
