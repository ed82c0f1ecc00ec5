package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestMain is also a writer, for the tests with several processes.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RC_TEST_EVENTS"); dir != "" {
		n, _ := strconv.Atoi(os.Args[2])
		for i := range n {
			if err := appendLine(filepath.Join(dir, fileName), numbered(os.Args[1], i), 1<<16); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1) //nolint:forbidigo // the test binary is the writer, too
			}
		}
		os.Exit(0) //nolint:forbidigo // the test binary is the writer, too
	}
	os.Exit(m.Run()) //nolint:forbidigo // the test binary is the writer, too
}

func numbered(who string, i int) []byte {
	line, err := Event{Time: noon, Type: Container, Status: "start", ID: fmt.Sprintf("%s-%d", who, i)}.line()
	if err != nil {
		panic(err)
	}
	return line
}

func ids(t *testing.T, dir string, o ReadOptions) []string {
	t.Helper()
	var got []string
	if err := Read(t.Context(), dir, o, func(e Event) error {
		got = append(got, e.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	if got := ids(t, dir, ReadOptions{}); got != nil {
		t.Errorf("without a journal: %v", got)
	}
	for i, e := range []Event{
		{Time: noon, Type: Container, Status: "create", ID: "1"},
		{Time: noon.Add(time.Hour), Type: Container, Status: "start", ID: "2"},
		// The clock was set back.
		{Time: noon.Add(-time.Hour), Type: Image, Status: "pull", ID: "3"},
		{Type: Container, Status: "died", ID: "4"},
	} {
		if err := Append(dir, e); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, c := range []struct {
		name string
		o    ReadOptions
		want []string
	}{
		{"all", ReadOptions{}, []string{"1", "2", "3", "4"}},
		{"since", ReadOptions{Since: noon}, []string{"1", "2", "4"}},
		{"until", ReadOptions{Until: noon}, []string{"1", "3"}},
		{"a stream until the past", ReadOptions{Until: noon, Stream: true}, []string{"1", "3"}},
		{"match", ReadOptions{Match: func(e Event) bool { return e.Type == Image }}, []string{"3"}},
	} {
		if diff := cmp.Diff(c.want, ids(t, dir, c.o)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	end := errors.New("enough")
	if err := Read(t.Context(), dir, ReadOptions{}, func(Event) error { return end }); !errors.Is(err, end) {
		t.Errorf("%v", err)
	}
}

// TestTorn: lines that are broken hide no others.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	whole := func(i int) string { return string(numbered("x", i)) }
	text := "garbage\n" + whole(0) + whole(1)[:40] + whole(2) + "\n\n\x00\x00\n" + strings.Repeat("z", 100_000) + whole(3) + whole(4) + whole(5)[:20]
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x-0", "x-2", "x-3", "x-4"}, ids(t, dir, ReadOptions{})); diff != "" {
		t.Error(diff)
	}
	// What follows the torn end is read, too.
	if err := appendLine(filepath.Join(dir, fileName), numbered("x", 6), full); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, dir, ReadOptions{}); got[len(got)-1] != "x-6" {
		t.Error(got)
	}
}

// TestRotate: many processes write and rename; a follower sees every line, each writer's in order.
// All of it fits into what is kept, so that a slow follower is not overtaken.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	const writers, lines = 4, 600
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := map[string]int{}
	started := make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		total := 0
		done <- Read(ctx, dir, ReadOptions{Stream: true, Since: noon.Add(-time.Hour)}, func(e Event) error {
			who, number, _ := strings.Cut(e.ID, "-")
			if who == "first" {
				once.Do(func() { close(started) })
				return nil
			}
			if want := strconv.Itoa(next[who]); number != want {
				return fmt.Errorf("writer %s: line %s after %s", who, number, want)
			}
			next[who]++
			if total++; total == writers*lines {
				cancel()
			}
			return nil
		})
	}()
	if err := appendLine(filepath.Join(dir, fileName), numbered("first", 0), full); err != nil {
		t.Fatal(err)
	}
	<-started
	var cmds []*exec.Cmd
	for w := range writers {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", strconv.Itoa(w), strconv.Itoa(lines))
		cmd.Env, cmd.Stderr = append(os.Environ(), "RC_TEST_EVENTS="+dir), os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("the follower has %v", next)
	}
}

// TestBounded: of a journal that was written for long, the end is there, and nothing is there twice.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	const lines = 500
	for i := range lines {
		if err := appendLine(filepath.Join(dir, fileName), numbered("x", i), 1<<10); err != nil {
			t.Fatal(err)
		}
	}
	got := ids(t, dir, ReadOptions{})
	for i, id := range got {
		if want := fmt.Sprintf("x-%d", lines-len(got)+i); id != want {
			t.Fatalf("%s, want %s", id, want)
		}
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != kept+1 || len(got) < 20 {
		t.Errorf("%v %v, %d lines", files, err, len(got))
	}
}

// TestStream: a stream without bounds begins with what comes next, and one with an end ends.
func TestStream(t *testing.T) {
	dir := t.TempDir()
	if err := Append(dir, Event{Type: Image, Status: "pull", ID: "old"}); err != nil {
		t.Fatal(err)
	}
	end := errors.New("enough")
	got := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- Read(t.Context(), dir, ReadOptions{Stream: true}, func(e Event) error {
			got <- e.ID
			return end
		})
	}()
	for i := 0; ; i++ { // until the reader is there
		if err := Append(dir, Event{Type: Image, Status: "tag", ID: "new"}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if id := <-got; id != "new" || !errors.Is(err, end) {
				t.Errorf("%s %v", id, err)
			}
		case <-time.After(10 * time.Millisecond):
			if i < 1000 {
				continue
			}
			t.Error("nothing comes")
		}
		break
	}
	until := time.Now().Add(50 * time.Millisecond)
	if got := ids(t, dir, ReadOptions{Stream: true, Until: until}); got[0] != "old" || time.Now().Before(until) {
		t.Errorf("%v", got)
	}
}

// TestNeverWaits: neither a lock that somebody keeps, nor what cannot be written, stops a writer for long.
func TestNeverWaits(t *testing.T) {
	dir := t.TempDir()
	if err := Append(dir, Event{Type: Image, Status: "pull", ID: "1"}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, how := range []int{unix.LOCK_EX, unix.LOCK_SH} {
		if err := flock(f, how); err != nil {
			t.Fatal(err)
		}
		if err := appendLine(filepath.Join(dir, fileName), numbered("locked", how), 1); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"1", "locked-2", "locked-1"}, ids(t, dir, ReadOptions{})); diff != "" {
		t.Error(diff)
	}
	if err := Append("/proc/nowhere", Event{Type: Image, Status: "pull"}); err == nil {
		t.Error("no error")
	}
}
