package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyT is where a script's test is kept.
type keyT struct{}

// need CONDITION…: the script is skipped without; under RC_TEST_NO_SKIP=1 that is a failure,
// but for what RC_E2E_WITHOUT names.
func (s *suite) cmdNeed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: need CONDITION…")
	}
	s.host.need(ts.Value(keyT{}).(skipper), args...)
}

// exits CODE PROGRAM [ARGUMENT…]: run it, and compare the exit code exactly.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, err := run(ts, args[1:])
	ts.Check(err)
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// run runs a program like exec does; ts has its output then.
func run(ts *testscript.TestScript, args []string) (int, error) {
	ts.Logf("[run %s]", strings.Join(args, " "))
	err := ts.Exec(args[0], args[1:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// eventually REGEXP PROGRAM [ARGUMENT…]: run it again and again until it succeeds and its output
// matches, for 15 s; with ! until it succeeds and its output does not.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] eventually REGEXP PROGRAM [ARGUMENT…]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	if pattern.MatchString("") {
		ts.Fatalf("%q is in every output; for none: ! eventually . …", args[0])
	}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		code, err := run(ts, args[1:])
		ts.Check(err)
		if code == 0 && pattern.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("output never came to what was waited for: %s", ts.ReadFile("stdout"))
		}
	}
}

// testimage [NAME]: import the test image, as $IMAGE or NAME.
func (s *suite) cmdTestImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: testimage [NAME]")
	}
	name := ts.Getenv("IMAGE")
	if len(args) == 1 {
		name = args[0]
	}
	ts.Check(ts.Exec("rc", "import", "-c", `CMD=["sh"]`, s.archive, name))
}

// errors WORD…: the last program's stderr ends with one line "Error: …", perhaps followed by one
// line "Hint: …", which have every WORD: what every refusal of rc looks like. Only progress may come before.
func cmdErrors(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: errors WORD…")
	}
	said := refusal.FindString(ts.ReadFile("stderr"))
	if said == "" {
		ts.Fatalf("want one line \"Error: …\" and perhaps one \"Hint: …\", not:\n%s", ts.ReadFile("stderr"))
	}
	for _, word := range args {
		if !strings.Contains(said, word) {
			ts.Fatalf("the error does not say %q: %s", word, said)
		}
	}
}

// refusal is how rc ends when it refuses.
var refusal = regexp.MustCompile(`(?m)^Error: .+\n(Hint: .+\n)?\z`)

// count N REGEXP: the last program's stdout has exactly N lines that match.
func cmdCount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count N REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	n := 0
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if pattern.MatchString(strings.TrimSuffix(line, "\n")) {
			n++
		}
	}
	if got := fmt.Sprint(n); got != args[0] {
		ts.Fatalf("%s lines match, want %s", got, args[0])
	}
}
