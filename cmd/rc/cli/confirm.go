package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/errs"
)

// Confirm asks whether to go on with what warning says, and takes a line beginning with y for
// yes. Where there is nobody to answer it refuses: that is what --force is for.
func Confirm(a *App, verb, warning string) (bool, error) {
	fmt.Fprintf(a.Stderr, "WARNING! %s\n", warning)
	fmt.Fprint(a.Stderr, "Are you sure you want to continue? [y/N] ")
	answer, err := bufio.NewReader(a.Stdin).ReadString('\n')
	if errors.Is(err, io.EOF) && answer == "" {
		fmt.Fprintln(a.Stderr)
		if term.IsTerminal(int(a.Stdin.Fd())) {
			return false, nil // ctrl-d
		}
		return false, errs.WithHint(errs.Invalidf("%s: nobody answered", verb), "rc "+verb+" --force")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("%s: read the answer: %w", verb, err)
	}
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y"), nil
}
