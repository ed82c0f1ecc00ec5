package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// patience is how long a step of a terminal may take.
const patience = 90 * time.Second

// envT is where a script's first environment is kept.
type envT struct{}

// terminal STEPS PROGRAM [ARGUMENT…]: run it on a terminal of its own and do what the file STEPS says,
// one step a line:
//
//	size ROWS COLS   before anything else happens, or as when a window is resized
//	expect REGEXP    wait for it in what was shown since the last match
//	send "TEXT"      type it, quoted as in Go
//	wait FILE        wait until it is there
//	hangup           close the window
//	code N           wait for the end, and compare the exit code
//	same             the terminal's settings are those of the beginning
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal STEPS PROGRAM [ARGUMENT…]")
	}
	w, err := newWindow()
	ts.Check(err)
	defer w.close()
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "size" && w.cmd == nil {
			ts.Check(w.start(environment(ts), ts.MkAbs("."), args[1:]))
		}
		if word == "wait" {
			rest = ts.MkAbs(rest)
		}
		if err := w.step(word, rest); err != nil {
			ts.Fatalf("%s: %s: %v; the terminal showed:\n%s", args[0], strings.TrimSpace(line), err, w.all())
		}
	}
}

// environment is the script's, without what `env` added to the names of the beginning.
func environment(ts *testscript.TestScript) []string {
	var list []string
	for _, variable := range ts.Value(envT{}).([]string) {
		name, _, _ := strings.Cut(variable, "=")
		list = append(list, name+"="+ts.Getenv(name))
	}
	return append(list, "TERM=xterm")
}

// window is a terminal and what runs on it.
type window struct {
	master, slave *os.File
	settings      *unix.Termios
	cmd           *exec.Cmd
	ended         chan error

	mu    sync.Mutex
	shown bytes.Buffer
	seen  int // how much of it was matched
}

func newWindow() (*window, error) {
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer ptmx.Close()
	w := &window{ended: make(chan error, 1)}
	if w.master, w.slave, err = linux.OpenTerminal(int(ptmx.Fd())); err != nil {
		return nil, err
	}
	w.settings, err = unix.IoctlGetTermios(int(w.slave.Fd()), unix.TCGETS)
	return w, err
}

func (w *window) start(env []string, dir string, args []string) error {
	// env finds the program on the script's PATH, and becomes it.
	w.cmd = exec.Command("/usr/bin/env", args...)
	w.cmd.Env, w.cmd.Dir = env, dir
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = w.slave, w.slave, w.slave
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.cmd.Start(); err != nil {
		return err
	}
	go func() { w.ended <- w.cmd.Wait() }()
	go w.read()
	return nil
}

func (w *window) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := w.master.Read(buffer)
		w.mu.Lock()
		w.shown.Write(buffer[:n])
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *window) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String()
}

func (w *window) close() {
	if w.cmd != nil && w.cmd.Process != nil {
		_ = w.cmd.Process.Kill()
	}
	w.slave.Close()
	w.master.Close()
}

func (w *window) step(word, argument string) error {
	switch word {
	case "size":
		var rows, cols uint16
		if _, err := fmt.Sscanf(argument, "%d %d", &rows, &cols); err != nil {
			return err
		}
		return linux.SetWindowSize(w.master, rows, cols)
	case "expect":
		return w.expect(argument)
	case "send":
		text, err := strconv.Unquote(argument)
		if err != nil {
			return err
		}
		_, err = w.master.WriteString(text)
		return err
	case "wait":
		return poll(func() bool {
			_, err := os.Stat(argument)
			return err == nil
		})
	case "hangup":
		return w.hangup()
	case "code":
		return w.code(argument)
	case "same":
		now, err := unix.IoctlGetTermios(int(w.slave.Fd()), unix.TCGETS)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(w.settings, now); diff != "" {
			return errors.New(diff)
		}
		return nil
	}
	return errors.New("no such step")
}

func (w *window) expect(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	return poll(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		at := re.FindIndex(w.shown.Bytes()[w.seen:])
		if at != nil {
			w.seen += at[1]
		}
		return at != nil
	})
}

// hangup closes both ends: that of the test would keep the terminal alive.
func (w *window) hangup() error {
	w.slave.Close()
	return w.master.Close()
}

func (w *window) code(want string) error {
	select {
	case err := <-w.ended:
		exit, failed := errors.AsType[*exec.ExitError](err)
		if err != nil && !failed {
			return err
		}
		got := w.cmd.ProcessState.ExitCode()
		if failed && exit.Sys().(syscall.WaitStatus).Signaled() {
			return fmt.Errorf("ended by a signal: %w", exit)
		}
		if fmt.Sprint(got) != want {
			return fmt.Errorf("exit code %d", got)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("still there after %s", patience)
	}
}

func poll(done func() bool) error {
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("not in %s", patience)
		}
	}
	return nil
}
