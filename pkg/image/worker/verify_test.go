package worker

import (
	"errors"
	"io"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestVerifier(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       digest.Digest
		size       int64
		text       string
	}{
		{"good", "abc", digest.FromString("abc"), 3, ""},
		{"size unknown", "abc", digest.FromString("abc"), -1, ""},
		{"not compared", "abc", "", 9, ""},
		{"short", "ab", digest.FromString("abc"), 3, "it ended after 2 of 3 bytes"},
		{"long", "abcd", digest.FromString("abc"), 3, "more than the 3 bytes"},
		{"other", "abd", digest.FromString("abc"), 3, "its digest is sha256:a52d"},
	} {
		_, err := io.Copy(io.Discard, &verifier{r: strings.NewReader(c.data), want: c.want, size: c.size, hash: digest.SHA256.Hash()})
		if c.text == "" && err != nil || c.text != "" && (!errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
