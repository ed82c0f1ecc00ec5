package worker

import (
	"strings"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	begun := time.Now()
	for _, c := range []struct {
		name  string
		b     bar
		width int
		want  string
	}{
		{"beginning", bar{layers: 5, total: 70_100_000}, 100, "Copying 5 layers   0%  " + strings.Repeat(" ", 40) + "  0B/70.1MB"},
		{"on its way", bar{layers: 2, total: 40_000_000, done: 10_000_000}, 80, "Copying 2 layers  25%  ███████▎                       10MB/40MB  10MB/s  4s left"},
		{"resumed", bar{layers: 1, total: 40_000_000, done: 10_000_000, kept: 10_000_000}, 120, "Copying 1 layer  50%  " + strings.Repeat("█", 20) + strings.Repeat(" ", 20) + "  20MB/40MB  10MB/s  3s left"},
		{"all here", bar{layers: 1, total: 10_000_000, done: 10_000_000}, 120, "Copying 1 layer 100%  " + strings.Repeat("█", 40) + "  10MB/10MB  10MB/s  unpacking"},
		{"size unknown", bar{layers: 1, unknown: true, done: 5_000_000}, 80, "Copying 1 layer  5MB  5MB/s"},
		{"narrow", bar{layers: 2, total: 40_000_000, done: 10_000_000}, 30, "Copying 2 layers  25%  10MB/40"},
		{"slow", bar{layers: 1, total: 40_000_000, done: 10_000}, 60, "Copying 1 layer   0%  10kB/40MB  10kB/s  1h06m left"},
		{"more than was said", bar{layers: 1, total: 10, done: 20}, 60, "Copying 1 layer 100%  ███████████  20B/10B  20B/s  unpacking"},
	} {
		c.b.begun = begun
		at := begun.Add(time.Second)
		if c.name == "beginning" {
			at = begun
		}
		got := c.b.line(at, c.width)
		if got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
		if n := len([]rune(got)); n > c.width {
			t.Errorf("%s: %d columns of %d", c.name, n, c.width)
		}
	}
	for d, want := range map[float64]string{0.2: "1s", 59.5: "60s", 61: "1m01s", 7300: "2h01m", 1e12: "100h00m"} {
		if got := remaining(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
