package userns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// userName is the name of uid, and whether /etc/passwd has it. A user whom only a
// directory service knows is asked of getent(1); one that nobody knows is a number.
func (s source) userName(uid int) (name string, local bool) {
	number := strconv.Itoa(uid)
	f, err := os.Open(s.passwd)
	if err == nil {
		defer f.Close()
		scan := bufio.NewScanner(f)
		for scan.Scan() {
			if name := passwdName(scan.Text(), number); name != "" {
				return name, true
			}
		}
	}
	out, err := exec.Command(s.getent, "passwd", number).Output()
	if err == nil {
		if name := passwdName(strings.TrimSpace(string(out)), number); name != "" {
			return name, false
		}
	}
	return number, false
}

// passwdName is the name on a line of passwd(5) if its uid is number, else "".
func passwdName(line, number string) string {
	f := strings.SplitN(line, ":", 4)
	if len(f) < 4 || f[2] != number || strings.HasPrefix(f[0], "#") {
		return ""
	}
	return f[0]
}

// nssSubids says whether nsswitch.conf(5) has subordinate ids come from somewhere else
// than the files. libsubid (shadow 4.9) takes the first word of the line only.
func (s source) nssSubids() bool {
	data, err := os.ReadFile(s.nsswitch)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:")
		if !ok {
			continue
		}
		words := strings.Fields(rest)
		return len(words) > 0 && words[0] != "files"
	}
	return false
}

// askNSS runs getsubids(1), which goes the way that newuidmap(1) goes.
func (s source) askNSS(ctx context.Context, name string, k kind) ([]idRange, error) {
	var args []string
	if k == subgids {
		args = append(args, "-g")
	}
	cmd := exec.CommandContext(ctx, s.getsubids, append(args, name)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var status *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err := fmt.Errorf("subordinate ids of %q: %q has a subid line, and getsubids is missing: %w", name, s.nsswitch, errs.ErrNotFound)
		return nil, errs.WithCheck(err, "install getsubids (Debian, Ubuntu: sudo apt install uidmap; Fedora: sudo dnf install shadow-utils-subid)", "subuid")
	case errors.As(err, &status) && status.Exited():
		// "Error fetching ranges" with code 1: nobody knows the user, or no range.
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("subordinate ids of %q: %s: %w", name, cmd, err)
	}
	return parseGetsubids(string(out))
}

// parseGetsubids reads lines like "0: alice 100000 65536".
func parseGetsubids(text string) ([]idRange, error) {
	var out []idRange
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 4 || !strings.HasSuffix(f[0], ":") {
			return nil, fmt.Errorf("getsubids: %q: %w: want index: user first count", strings.TrimSpace(line), errs.ErrInvalid)
		}
		r, err := parseRange(f[2], f[3])
		if err != nil {
			return nil, fmt.Errorf("getsubids: %q: %w: %w", strings.TrimSpace(line), errs.ErrInvalid, err)
		}
		out = append(out, r)
	}
	return out, nil
}
