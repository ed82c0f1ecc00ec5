package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

func ok(format string, args ...any) Finding {
	return Finding{State: OK, Detail: fmt.Sprintf(format, args...)}
}

func problem(detail string) Finding { return Finding{State: Problem, Detail: detail} }
func warning(detail string) Finding { return Finding{State: Warning, Detail: detail} }

// mend adds a command that needs root where it begins with sudo.
func (f Finding) mend(command string) Finding {
	if command == "" {
		return f
	}
	f.Remedies = append(f.Remedies, Remedy{Command: command, Root: strings.Contains(command, "sudo ")})
	return f
}

// byHand adds a command that Fix leaves alone.
func (f Finding) byHand(command string) Finding {
	f.Remedies = append(f.Remedies, Remedy{Command: command, Root: strings.Contains(command, "sudo "), ByHand: true})
	return f
}

func (f Finding) advise(advice string) Finding {
	f.Advice = advice
	return f
}

// fromError is the problem that an error of rc's tells of, whose hint is the way out. Hints of errors are commands or
// sentences: those that begin with a command are taken for one.
func fromError(err error) Finding {
	f := Finding{State: Problem, Detail: strings.ReplaceAll(err.Error(), "\n", "; ")}
	hint := errs.PlainHint(err)
	if hint == "" {
		return f
	}
	for _, program := range []string{"sudo ", "printf ", "echo ", "chmod ", "mkdir ", "export ", "unset ", "rm ", "rc "} {
		if strings.HasPrefix(hint, program) {
			command, note := hint, ""
			if i := strings.Index(hint, " ("); i > 0 && strings.HasSuffix(hint, ")") {
				command, note = hint[:i], strings.TrimSuffix(hint[i+2:], ")")
			}
			return f.byHand(command).advise(note)
		}
	}
	return f.advise(hint)
}

// hinted is an error that another rc has told.
func hinted(text, hint string) error {
	err := errors.New(text)
	if hint == "" {
		return err
	}
	return errs.WithHint(err, hint)
}
