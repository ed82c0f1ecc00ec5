package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
)

// journalDelay is how long journald gets to take what was sent to it before a container's end.
const journalDelay = 200 * time.Millisecond

// readJournal has journalctl read: the journal's files are systemd's own business.
func readJournal(ctx context.Context, id string, o ReadOptions, yield func(Line) error) error {
	path, err := exec.LookPath("journalctl")
	if err != nil {
		return errs.WithHint(fmt.Errorf("read the journal: %w", err), "install the package systemd, which has journalctl")
	}
	j := &journalReader{path: path, args: []string{"-q", "--no-pager", "--all", "-o", "json", "CONTAINER_ID_FULL=" + id}, o: o, yield: yield}
	if err := j.run(ctx, j.history()...); err != nil || !o.Follow {
		return err
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		var until <-chan time.Time
		if !o.Until.IsZero() {
			until = time.After(time.Until(o.Until))
		}
		select {
		case <-following.Done():
		case <-o.Ended:
			time.Sleep(journalDelay)
		case <-until:
		}
		stop()
	}()
	switch err := j.run(following, append(j.news(), "-f")...); {
	case ctx.Err() != nil:
		return ctx.Err()
	case j.failed != nil:
		return j.failed
	case following.Err() == nil:
		return err
	}
	// What came between journalctl's last look and its end.
	return j.run(ctx, j.news()...)
}

type journalReader struct {
	path   string
	args   []string
	o      ReadOptions
	yield  func(Line) error
	cursor string // of the last record
	mute   bool   // records are looked at for the cursor only
	failed error  // yield's
}

// history are the arguments that choose from what is there.
func (j *journalReader) history() []string {
	lines := "all"
	switch {
	case j.o.Tail == 0: // to know where it ends
		lines, j.mute = "1", true
	case j.o.Tail > 0:
		lines = strconv.Itoa(j.o.Tail)
	}
	args := []string{"-n", lines}
	if !j.o.Since.IsZero() && !j.mute {
		args = append(args, "--since", "@"+strconv.FormatInt(j.o.Since.Unix(), 10)) // wants does the rest
	}
	return args
}

// news are those for what has come since.
func (j *journalReader) news() []string {
	j.mute = false
	args := []string{"-n", "all"}
	if j.cursor != "" {
		args = append(args, "--after-cursor", j.cursor)
	}
	return args
}

func (j *journalReader) run(ctx context.Context, args ...string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, j.path, append(slices.Clip(j.args), args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	in := bufio.NewReaderSize(out, 64<<10)
	for {
		if j.o.Idle != nil && slices.Contains(args, "-f") && in.Buffered() == 0 {
			j.o.Idle()
		}
		record, err := in.ReadBytes('\n')
		if len(record) > 0 {
			if j.failed = j.record(record); j.failed != nil {
				stop()
				_ = cmd.Wait()
				return j.failed
			}
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if said := bytes.TrimSpace(stderr.Bytes()); len(said) > 0 {
			err = errors.New(string(said))
		}
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

// record takes one record of journalctl -o json.
func (j *journalReader) record(data []byte) error {
	l, cursor, ok := parseJournal(data)
	if !ok {
		return nil
	}
	j.cursor = cursor
	if j.mute || !j.o.wants(l.Time) {
		return nil
	}
	return j.yield(l)
}

func parseJournal(data []byte) (l Line, cursor string, ok bool) {
	var r struct {
		Message  json.RawMessage `json:"MESSAGE"`
		Priority string          `json:"PRIORITY"`
		Partial  string          `json:"CONTAINER_PARTIAL_MESSAGE"`
		Time     string          `json:"__REALTIME_TIMESTAMP"`
		Cursor   string          `json:"__CURSOR"`
	}
	if json.Unmarshal(data, &r) != nil {
		return Line{}, "", false
	}
	l = Line{Stream: Stdout, Partial: r.Partial == "true"}
	if r.Priority == "3" {
		l.Stream = Stderr
	}
	micro, err := strconv.ParseInt(r.Time, 10, 64)
	if err != nil {
		return Line{}, "", false
	}
	l.Time = time.UnixMicro(micro)
	var text string
	var codes []int // of what is no text
	switch {
	case json.Unmarshal(r.Message, &text) == nil:
		l.Text = []byte(text)
	case json.Unmarshal(r.Message, &codes) == nil:
		for _, b := range codes {
			l.Text = append(l.Text, byte(b))
		}
	default:
		return Line{}, "", false
	}
	return l, r.Cursor, true
}
