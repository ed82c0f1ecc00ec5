package events

import (
	"errors"
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestFilters(t *testing.T) {
	web := Event{
		Type: Container, Status: "died", ID: "abcdef0123", Name: "web", Image: "docker.io/library/alpine:latest",
		Attributes: map[string]string{"team": "red", "empty": ""},
	}
	alpine := Event{Type: Image, Status: "pull", ID: "fedcba9876", Name: "docker.io/library/alpine:latest"}
	for _, c := range []struct {
		filters    string
		web, image bool
	}{
		{"", true, true},
		{"container=web", true, false},
		{"container=abc", true, false},
		{"container=we", false, false},
		{"container=web container=other", true, false},
		{"container=web event=start", false, false},
		{"event=died", true, false},
		{"status=died", true, false},
		{"event=die", true, false},
		{"event=died status=pull", true, true},
		{"type=image", false, true},
		{"image=fedc", false, true},
		{"image=sha256:fedc", false, true},
		{"image=alpine", false, true},
		{"image=library/alpine:latest", false, true},
		{"image=pine", false, false},
		{"image=alpine:3", false, false},
		{"label=team", true, false},
		{"label=team=red", true, false},
		{"label=team=blue", false, false},
		{"label=empty=", true, false},
		{"volume=web", false, false},
		{"network=web", false, false},
		{"scope=local", true, true},
		{"scope=swarm", false, false},
		{"TYPE=container", true, false},
	} {
		match, err := ParseFilters(strings.Fields(c.filters))
		if err != nil {
			t.Errorf("%s: %v", c.filters, err)
			continue
		}
		if match(web) != c.web || match(alpine) != c.image {
			t.Errorf("%s: %v %v", c.filters, match(web), match(alpine))
		}
	}
	for text, word := range map[string]string{
		"colour=red": "container, event", "container": "container, event", "event=exploded": "died", "type=planet": "volume", "container=": "missing",
	} {
		if _, err := ParseFilters([]string{text}); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
