package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// follower reads a log in the background.
type follower struct {
	t      *testing.T
	lines  chan string
	ended  chan struct{}
	result chan error
}

func follow(t *testing.T, c Config, tail int) *follower {
	t.Helper()
	f := &follower{t: t, lines: make(chan string, 1000), ended: make(chan struct{}), result: make(chan error, 1)}
	go func() {
		o := ReadOptions{Follow: true, Tail: tail, Ended: f.ended}
		f.result <- Read(t.Context(), c, o, func(l Line) error {
			f.lines <- string(l.Text)
			return nil
		})
		close(f.lines)
	}()
	return f
}

func (f *follower) want(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		select {
		case got := <-f.lines:
			if got != want {
				f.t.Fatalf("got %q want %q", got, want)
			}
		case <-time.After(time.Minute):
			f.t.Fatalf("%q does not come", want)
		}
	}
}

// end says that the container has ended, and what is to be read still.
func (f *follower) end(lines ...string) {
	f.t.Helper()
	close(f.ended)
	f.want(lines...)
	select {
	case err := <-f.result:
		if err != nil {
			f.t.Error(err)
		}
	case <-time.After(time.Minute):
		f.t.Fatal("following does not end")
	}
	for l := range f.lines {
		f.t.Errorf("also got %q", l)
	}
}

func write(w Writer, text string) { w.Write(Stdout, []byte(text), noon) }

func TestFollow(t *testing.T) {
	for _, driver := range []string{K8sFile, JSONFile} {
		t.Run(driver, func(t *testing.T) {
			c := Config{Driver: driver, Path: filepath.Join(t.TempDir(), "ctr.log")}
			f := follow(t, c, All) // before there is a file
			w := open(t, c)
			write(w, "a\nb")
			f.want("a")
			last := follow(t, c, 1)
			last.want("a")
			fresh := follow(t, c, 0)
			w.Flush()
			f.want("b")
			last.want("b")
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}

			// Another life, after one that was killed.
			half, err := os.OpenFile(c.Path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := half.WriteString(read(t, c.Path)[:25]); err != nil {
				t.Fatal(err)
			}
			_ = half.Close()
			w = open(t, c)
			write(w, "c\n")
			f.want("c")
			write(w, "d\n")
			f.end("d")
			last.end("c", "d")
			close(fresh.ended)
			for l := range fresh.lines {
				if l == "a" {
					t.Errorf("tail 0 got %q", l)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestFollowRemoved: with --rm the directory goes before the reader is done.
func TestFollowRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := Config{Path: filepath.Join(dir, "ctr.log")}
	w := open(t, c)
	write(w, "a\n")
	f := follow(t, c, All)
	f.want("a")
	write(w, "b\nc")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	f.end("b", "c")
}

// TestFollowRotatedRemoved: with --rm the files go before the reader has got to them.
func TestFollowRotatedRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := Config{Path: filepath.Join(dir, "ctr.log"), MaxSize: 100, MaxFiles: 4}
	w := open(t, c)
	write(w, "0\n")
	began, resume := make(chan struct{}), make(chan struct{})
	ended, result := make(chan struct{}), make(chan error, 1)
	next := 0
	go func() {
		result <- Read(t.Context(), c, ReadOptions{Follow: true, Tail: All, Ended: ended}, func(l Line) error {
			if next == 0 {
				close(began)
				<-resume
			}
			if string(l.Text) != strconv.Itoa(next) {
				return fmt.Errorf("%q, want %d", l.Text, next)
			}
			next++
			return nil
		})
	}()
	<-began
	for i := 1; i < 8; i++ { // two to a file
		write(w, strconv.Itoa(i)+"\n")
	}
	// Close waits for the reader to have opened all, also after the move.
	trash := dir + ".trash"
	if err := errors.Join(os.Rename(dir, trash), w.Close(), os.Remove(filepath.Join(trash, "ctr.log"))); err != nil {
		t.Fatal(err)
	}
	time.Sleep(slowPoll) // for the reader to find the newest gone, and older ones there
	if err := os.RemoveAll(trash); err != nil {
		t.Fatal(err)
	}
	close(resume)
	close(ended)
	if err := <-result; err != nil || next != 8 {
		t.Errorf("%v after %d lines", err, next)
	}
}

// TestFollowFast: a container that is gone with its files before anybody looks.
func TestFollowFast(t *testing.T) {
	for range 20 {
		dir := filepath.Join(t.TempDir(), "c")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c := Config{Path: filepath.Join(dir, "ctr.log")}
		ready := make(chan struct{}, 1)
		ended, result := make(chan struct{}), make(chan error, 1)
		var got []string
		go func() {
			o := ReadOptions{Follow: true, Tail: All, Ended: ended, Idle: func() {
				select {
				case ready <- struct{}{}:
				default:
				}
			}}
			result <- Read(t.Context(), c, o, func(l Line) error { got = append(got, string(l.Text)); return nil })
		}()
		<-ready
		w := open(t, c)
		write(w, "a\n")
		if err := errors.Join(w.Close(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
		close(ended)
		if err := <-result; err != nil || len(got) != 1 {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// TestFollowEmptied: a user may empty a log.
func TestFollowEmptied(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log")}
	w := open(t, c)
	write(w, "a\nb\n")
	f := follow(t, c, All)
	f.want("a", "b")
	if err := os.Truncate(c.Path, 0); err != nil {
		t.Fatal(err)
	}
	write(w, "c\n")
	f.end("c")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFollowUntil(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log")}
	w := open(t, c)
	defer w.Close()
	write(w, "a\n")
	n := 0
	err := Read(t.Context(), c, ReadOptions{Follow: true, Tail: All, Until: time.Now().Add(50 * time.Millisecond)}, func(Line) error {
		n++
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestFollowCancelled(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log")}
	ctx, cancel := context.WithCancel(t.Context())
	err := Read(ctx, c, ReadOptions{Follow: true, Tail: All, Idle: cancel}, func(Line) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestFollowRotated: a follower gets every line, however often the file is rotated meanwhile.
func TestFollowRotated(t *testing.T) {
	for _, c := range []Config{{Driver: K8sFile, MaxFiles: 2}, {Driver: K8sFile, MaxFiles: 5}, {Driver: JSONFile, MaxFiles: 2}} {
		t.Run(fmt.Sprint(c.Driver, c.MaxFiles), func(t *testing.T) {
			c.Path, c.MaxSize = filepath.Join(t.TempDir(), "ctr.log"), 20_000
			w := open(t, c)
			write(w, "0\n")
			f := follow(t, c, All)
			f.want("0") // it is there
			const last = 200_000
			go func() {
				// Less than slack, so that the reader can be as slow as it likes.
				var chunk []byte
				for i := 1; i <= last; i++ {
					chunk = fmt.Appendf(chunk, "%d\n", i)
					if i%100 == 0 {
						w.Write(Stdout, chunk, noon)
						chunk = chunk[:0]
					}
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				close(f.ended)
			}()
			next := 1
			for l := range f.lines {
				if l != strconv.Itoa(next) {
					t.Fatalf("got %q, want %d", l, next)
				}
				next++
			}
			if err := <-f.result; err != nil || next != last+1 {
				t.Errorf("ended before %d: %v", next, err)
			}
			if _, err := os.Stat(c.rotated(1)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFollowTooSlow: a follower that stands still does not fill the disk. It is told.
func TestFollowTooSlow(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log"), MaxSize: 1 << 20}
	w := open(t, c)
	write(w, "0\n")
	stopped, resume := make(chan struct{}), make(chan struct{})
	ended, result := make(chan struct{}), make(chan error, 1)
	told, last, count := false, -1, 0
	go func() {
		result <- Read(t.Context(), c, ReadOptions{Follow: true, Tail: All, Ended: ended}, func(l Line) error {
			if count++; count == 1 {
				close(stopped)
				<-resume
			}
			if l.Stream == Stderr {
				told = strings.Contains(string(l.Text), "rotated away")
				return nil
			}
			text, _, _ := strings.Cut(string(l.Text), " ")
			n, err := strconv.Atoi(text)
			if err != nil || n <= last || n != last+1 && !told {
				return fmt.Errorf("%.20q after %d", l.Text, last)
			}
			last = n
			return nil
		})
	}()
	<-stopped
	const chunks = 5 * slack / 16_000
	padding := strings.Repeat("x", 16_000)
	for i := 1; i <= chunks; i++ {
		write(w, fmt.Sprintf("%d %s\n", i, padding))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for n := range 3 {
		if info, err := os.Stat(c.rotated(n)); err == nil {
			size += info.Size()
		}
	}
	if size > 2*slack {
		t.Errorf("%d bytes are kept", size)
	}
	close(resume)
	close(ended)
	if err := <-result; err != nil || !told || last != chunks {
		t.Errorf("%v: told %v, last line %d of %d", err, told, last, chunks)
	}
}

// TestKilled: a writer is killed at any moment, and another one goes on.
func TestKilled(t *testing.T) {
	for _, driver := range []string{K8sFile, JSONFile} {
		t.Run(driver, func(t *testing.T) {
			c := Config{Driver: driver, Path: filepath.Join(t.TempDir(), "ctr.log"), MaxSize: 300_000, MaxFiles: 4}
			next := 0
			for range 20 {
				cmd := exec.Command("/proc/self/exe", "-test.run=^TestWriteForEver$")
				cmd.Env = append(os.Environ(), "LOGS_TEST_DRIVER="+driver, "LOGS_TEST_PATH="+c.Path, "LOGS_TEST_FROM="+strconv.Itoa(next))
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				last := -1
				err = Read(t.Context(), c, ReadOptions{Tail: All}, func(l Line) error {
					n, err := strconv.Atoi(strings.TrimRight(string(l.Text), "x"))
					if err != nil || last >= 0 && n != last+1 {
						return fmt.Errorf("%q after %d", l.Text, last)
					}
					last = n
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if last < next {
					t.Fatalf("the last line is %d, the writer began with %d", last, next)
				}
				next = last + 1
			}
		})
	}
}

// TestWriteForEver is TestKilled's writer.
func TestWriteForEver(t *testing.T) {
	path := os.Getenv("LOGS_TEST_PATH")
	if path == "" {
		t.Skip("for TestKilled")
	}
	w := open(t, Config{Driver: os.Getenv("LOGS_TEST_DRIVER"), Path: path, MaxSize: 300_000, MaxFiles: 4})
	n, err := strconv.Atoi(os.Getenv("LOGS_TEST_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	padding := bytes.Repeat([]byte("x"), 1000)
	for i := 0; ; i++ {
		var chunk []byte
		for range 50 {
			chunk = append(fmt.Appendf(chunk, "%d", n), append(padding, '\n')...)
			n++
		}
		w.Write(Stdout, chunk, noon)
		if i == 3 {
			_, _ = os.Stdout.WriteString("written\n")
		}
	}
}
