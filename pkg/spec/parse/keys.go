package parse

import (
	"strings"
)

// DefaultDetachKeys are docker's and podman's.
const DefaultDetachKeys = "ctrl-p,ctrl-q"

// DetachKeys reads --detach-keys: keys with commas between them, each one character or
// ctrl-CHARACTER. It returns the bytes that a terminal sends for them; none for "", which
// disables detaching.
func DetachKeys(value string) ([]byte, error) {
	if value == "" {
		return nil, nil
	}
	var keys []byte
	for word := range strings.SplitSeq(value, ",") {
		key, ok := detachKey(word)
		if !ok {
			return nil, Invalid(value, `%q is no key: want keys such as a or ctrl-p with commas between them (ctrl- takes a to z, @, [, \, ], ^ and _), or "" for none`, word)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// detachKey is the byte of one key: ctrl-X is X without the bits that make it a letter
// (ascii(7)).
func detachKey(word string) (byte, bool) {
	if len(word) == 1 {
		return word[0], word[0] > ' ' && word[0] < 0x7f
	}
	name, control := strings.CutPrefix(strings.ToLower(word), "ctrl-")
	if !control || len(name) != 1 {
		return 0, false
	}
	key := strings.ToUpper(name)[0]
	if key < '@' || key > '_' {
		return 0, false
	}
	return key & 0x1f, true
}
