package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// State is how a check came out.
type State string

// A Warning is something that works worse than it could, or not for everything; with a Problem, what rc is
// for does not work. Skipped is a check that another one's problem leaves nothing to say.
const (
	OK      State = "ok"
	Warning State = "warning"
	Problem State = "problem"
	Skipped State = "skipped"
)

// Remedy is a command line for a shell that mends something.
type Remedy struct {
	Command string `json:"command"`
	// Root says that it takes root (sudo is in it).
	Root bool `json:"root"`
	// ByHand is for what Fix leaves to the user: it takes something away, stops something, or
	// changes the shell that it is typed in.
	ByHand bool `json:"byHand"`
}

// Finding is one thing that a check has found out.
type Finding struct {
	State  State
	Detail string
	// Remedies are in order: all of them, not a choice.
	Remedies []Remedy
	// Advice is what to do then, or where no command does it.
	Advice string
}

// Result is a finding with its check.
type Result struct {
	Check    string   `json:"check"`
	State    State    `json:"state"`
	Detail   string   `json:"detail"`
	Why      string   `json:"why,omitempty"` // where the state is not OK
	Remedies []Remedy `json:"remedies,omitempty"`
	Advice   string   `json:"advice,omitempty"`
	// Fixed are the commands that Fix ran.
	Fixed   []string `json:"fixed,omitempty"`
	Seconds float64  `json:"seconds"`
}

// Fixable says whether Fix would run something.
func (r Result) Fixable() bool {
	return r.State != OK && slices.ContainsFunc(r.Remedies, automatic)
}

func automatic(r Remedy) bool { return !r.Root && !r.ByHand }

// Check is one thing to look at.
type Check struct {
	Name string
	// Title says what it looks at, Why why that matters.
	Title, Why string
	// Needs are checks whose problems say all that this one could.
	Needs []string
	// Settings says that it needs rc's settings (Host.Config).
	Settings bool
	// Limit is how long it may take; 0 is usualLimit.
	Limit time.Duration
	Run   func(ctx context.Context, h *Host) []Finding
}

const usualLimit = 10 * time.Second

// All are the checks, each after those that it needs.
func All() []Check {
	return slices.Concat(basics(), settingsChecks(), sessionChecks(), deviceChecks(), storageChecks(), outcomes())
}

// Names are those of all checks.
func Names() []string {
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return names
}

// Run runs checks in order and reports their results. With fix, what a check's remedies can mend without
// root and without loss is mended, and the check is run again. It ends early with ctx.
func Run(ctx context.Context, h *Host, checks []Check, fix bool, report func(Result)) {
	failed := map[string]bool{}
	for _, c := range checks {
		if ctx.Err() != nil {
			return
		}
		results := h.run(ctx, c, failed)
		if fix && slices.ContainsFunc(results, Result.Fixable) {
			results = h.fix(ctx, c, results, failed)
		}
		for _, r := range results {
			if r.State == Problem || r.State == Skipped {
				failed[c.Name] = true
			}
			report(r)
		}
	}
}

// run runs one check, for as long as it may take: one that hangs in the kernel, in a dead file
// server for instance, is left alone.
func (h *Host) run(ctx context.Context, c Check, failed map[string]bool) []Result {
	begun := time.Now()
	findings := c.missing(h, failed)
	if findings == nil {
		limit := c.Limit
		if limit == 0 {
			limit = usualLimit
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		done := make(chan []Finding, 1)
		go func() { done <- c.Run(ctx, h) }()
		select {
		case findings = <-done:
		case <-afterwards(ctx):
			findings = []Finding{problem(fmt.Sprintf("there was no answer within %v", limit)).
				advise("look for what hangs: a file system of the network, a bus, a disk that is broken (dmesg)")}
		}
	}
	var results []Result
	for _, f := range findings {
		r := Result{Check: c.Name, State: f.State, Detail: f.Detail, Remedies: f.Remedies, Advice: f.Advice, Seconds: time.Since(begun).Seconds()}
		if f.State == Warning || f.State == Problem {
			r.Why = c.Why
		}
		results = append(results, r)
	}
	return results
}

// grace is what a check has to end by itself when its time is over.
const grace = 2 * time.Second

// afterwards is closed a little after ctx has ended.
func afterwards(ctx context.Context) <-chan struct{} {
	c := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(c) }) })
	return c
}

// missing says why the check cannot be run; nil that it can.
func (c Check) missing(h *Host, failed map[string]bool) []Finding {
	if c.Settings && h.Config == nil {
		return []Finding{{State: Skipped, Detail: "rc's settings cannot be read: rc doctor config"}}
	}
	for _, need := range c.Needs {
		if failed[need] {
			return []Finding{{State: Skipped, Detail: "it needs what " + need + " looks at"}}
		}
	}
	return nil
}

// fix runs what can be run of a check's remedies, and then the check again.
func (h *Host) fix(ctx context.Context, c Check, results []Result, failed map[string]bool) []Result {
	var ran, told []string
	for _, r := range results {
		if r.State == OK {
			continue
		}
		for _, remedy := range r.Remedies {
			if !automatic(remedy) {
				continue
			}
			ran = append(ran, remedy.Command)
			if said, err := h.shell(ctx, remedy.Command); err != nil {
				told = append(told, fmt.Sprintf("tried %s: %s", remedy.Command, lastLine(said, err)))
			}
		}
	}
	h.reload()
	again := h.run(ctx, c, failed)
	for i := range again {
		again[i].Fixed = ran
		if again[i].State != OK && len(told) > 0 {
			again[i].Detail += " (" + strings.Join(told, "; ") + ")"
		}
	}
	return again
}

// fixTime is how long a remedy may take.
const fixTime = 2 * time.Minute

// shell runs a remedy as the user would type it.
func (h *Host) shell(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fixTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.WaitDelay = time.Second
	cmd.Env = os.Environ()
	if self, err := os.Executable(); err == nil {
		cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(self)+":"+os.Getenv("PATH")) // rc is this one
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return said.String(), err
}

// lastLine is the end of what a program said, or its error.
func lastLine(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}
