package dockerfile

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
)

// expose is EXPOSE: its variables are expanded into words, of which each is a port or a range.
func (st *Steps) expose(step *Step, c *instructions.ExposeCommand, lint *linter.Linter) error {
	if st.config.ExposedPorts == nil {
		st.config.ExposedPorts = map[string]struct{}{}
	}
	var all []string
	for _, arg := range c.Ports {
		words, err := st.lex.ProcessWords(arg, st.env)
		if err != nil {
			return err
		}
		for _, word := range words {
			e, err := parseExpose(word)
			if err != nil {
				return fmt.Errorf("port %q: %w", word, err)
			}
			if e.proto != strings.ToLower(e.proto) {
				lint.Run(&linter.RuleExposeProtoCasing, c.Location(), linter.RuleExposeProtoCasing.Format(word))
			}
			if e.mapped {
				lint.Run(&linter.RuleExposeInvalidFormat, c.Location(), linter.RuleExposeInvalidFormat.Format(word))
			}
			for n := e.first; n <= e.last; n++ {
				port := strconv.Itoa(n) + "/" + strings.ToLower(e.proto)
				st.config.ExposedPorts[port] = struct{}{}
				all = append(all, port)
			}
		}
	}
	step.CreatedBy = fmt.Sprintf("EXPOSE %v", all)
	return nil
}

// exposed is a word of EXPOSE.
type exposed struct {
	first, last int
	proto       string // as written
	mapped      bool   // it had an address or a port of the host, which EXPOSE does nothing with
}

// parseExpose reads [[IP:]HOSTPORT[-LAST]:]PORT[-LAST][/PROTOCOL].
func parseExpose(word string) (exposed, error) {
	rest, proto, _ := strings.Cut(word, "/")
	e := exposed{proto: proto}
	switch strings.ToLower(proto) {
	case "":
		e.proto = "tcp"
	case "tcp", "udp", "sctp":
	default:
		return e, fmt.Errorf("protocol %q%s", proto, wanted(proto, []string{"tcp", "udp", "sctp"}))
	}
	host := ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		host, rest, e.mapped = rest[:i], rest[i+1:], true
	}
	var err error
	if e.first, e.last, err = portRange(rest); err != nil {
		return e, err
	}
	ip := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		ip, host = host[:i], host[i+1:]
	}
	if ip != "" {
		if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]")); err != nil {
			return e, fmt.Errorf("%q is no IP address", ip)
		}
	}
	if host != "" {
		first, last, err := portRange(host)
		if err != nil {
			return e, fmt.Errorf("host port: %w", err)
		}
		if e.first != e.last && last-first != e.last-e.first {
			return e, fmt.Errorf("ranges %s and %s differ in length", host, rest)
		}
	}
	return e, nil
}

// wanted says what would be accepted instead of a word.
func wanted(word string, choices []string) string {
	if near := meant(word, choices); near != "" {
		return near
	}
	return ": want " + strings.Join(choices, ", ")
}

// portRange reads PORT or FIRST-LAST.
func portRange(text string) (first, last int, err error) {
	if text == "" {
		return 0, 0, errors.New("there is no port")
	}
	from, to, ranged := strings.Cut(text, "-")
	if first, err = port(from); err != nil {
		return 0, 0, err
	}
	if !ranged {
		return first, first, nil
	}
	if last, err = port(to); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("range %s ends before it begins", text)
	}
	return first, last, nil
}

func port(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number from 0 to 65535", text)
	}
	return int(n), nil
}
