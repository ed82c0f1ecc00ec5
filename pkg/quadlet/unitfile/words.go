package unitfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrUnbalanced says that a quote has no end. What there is of the words is given all the same.
var ErrUnbalanced = errors.New("a quote has no end")

// Words splits a command line as systemd.service(5) says: at white space outside of quotes, with
// C escapes. Unlike systemd's own, and like podman's, a quote without an end goes to the end.
func Words(s string) ([]string, error) { return split(s, true) }

// List splits a list as systemd does for most keys: the same, but a backslash is a backslash.
func List(s string) ([]string, error) { return split(s, false) }

func split(s string, escapes bool) ([]string, error) {
	var words []string
	var word strings.Builder
	inside, quote := false, byte(0)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\' && escapes:
			text, n, err := unescape(s[i:])
			if err != nil {
				return nil, err
			}
			word.WriteString(text)
			inside = true
			i += n
			continue
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteByte(c)
			}
		case c == '"' || c == '\'':
			quote, inside = c, true
		case strings.IndexByte(space, c) >= 0:
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteByte(c)
			inside = true
		}
		i++
	}
	if inside {
		words = append(words, word.String())
	}
	if quote != 0 {
		return words, ErrUnbalanced
	}
	return words, nil
}

// simple are the escapes of one character.
const simple = `a` + "\a" + `b` + "\b" + `f` + "\f" + `n` + "\n" + `r` + "\r" + `t` + "\t" + `v` + "\v" + `\\""''` + `s `

// unescape reads the escape that s begins with: its text, and its length in s.
func unescape(s string) (text string, n int, err error) {
	if len(s) < 2 {
		return `\`, 1, nil // at the end, as podman takes it
	}
	for i := 0; i < len(simple); i += 2 {
		if s[1] == simple[i] {
			return simple[i+1 : i+2], 2, nil
		}
	}
	digits, base, from := 0, 16, 2
	switch {
	case s[1] == 'x':
		digits = 2
	case s[1] == 'u':
		digits = 4
	case s[1] == 'U':
		digits = 8
	case s[1] >= '0' && s[1] <= '7':
		digits, base, from = 3, 8, 1
	default:
		r, _ := utf8.DecodeRuneInString(s[1:])
		return "", 0, fmt.Errorf(`%q is no escape that systemd knows: want \\ for a backslash`, `\`+string(r))
	}
	if len(s) < from+digits {
		return "", 0, fmt.Errorf("%q is too short for an escape", s)
	}
	value, err := strconv.ParseUint(s[from:from+digits], base, 32)
	switch {
	case err != nil || value == 0 || s[1] != 'u' && s[1] != 'U' && value > 0xff || !utf8.ValidRune(rune(value)):
		return "", 0, fmt.Errorf("%q is no character", s[:from+digits])
	case s[1] == 'u' || s[1] == 'U':
		return string(rune(value)), from + digits, nil
	}
	return string([]byte{byte(value)}), from + digits, nil
}

// Join is the command line that Words splits into these words. Specifiers and variables stay what
// they are.
func Join(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, Quote(w))
	}
	return strings.Join(quoted, " ")
}

// Quote writes one word so that Words gives it back.
func Quote(word string) string {
	// A lone semicolon would separate two commands.
	if word != "" && word != ";" && strings.IndexFunc(word, special) < 0 && utf8.ValidString(word) {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, word[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteString(word[i : i+n])
		}
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

func special(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\'' || r == '\\' }

// Literal writes text so that systemd takes no specifier in it for one.
func Literal(s string) string { return strings.ReplaceAll(s, "%", "%%") }
