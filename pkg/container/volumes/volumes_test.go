package volumes

import (
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

func TestFilters(t *testing.T) {
	cfg := &config.Config{DataRoot: t.TempDir(), RunRoot: t.TempDir()}
	root := records.Volumes(cfg)
	for i, v := range []spec.Volume{
		{Name: "a", Labels: map[string]string{"k": "v", "x": ""}},
		{Name: "ab", Labels: map[string]string{"k": "w"}, Anonymous: true},
		{Name: "c", Options: map[string]string{"o": "nocopy"}},
	} {
		v.Driver, v.Created = spec.DriverLocal, time.Unix(int64(1000+i), 0)
		if err := driver.Create(root, v, false); err != nil {
			t.Fatal(err)
		}
	}
	for filters, want := range map[string]string{
		"":                          "a ab c",
		"name=a":                    "a ab",
		"name=^a$":                  "a",
		"name=b name=c":             "ab c",
		"label=k":                   "a ab",
		"label=k=w":                 "ab",
		"label=k label=x":           "a",
		"label!=k":                  "c",
		"anonymous=true":            "ab",
		"driver=local scope=local":  "a ab c",
		"driver=other":              "",
		"opt=o=nocopy":              "c",
		"opt=o":                     "c",
		"since=a":                   "ab c",
		"after=ab":                  "c",
		"until=1001":                "a",
		"dangling=true name=a":      "a ab",
		"dangling=false":            "",
		"label=k dangling=1 name=b": "ab",
	} {
		f, err := ParseFilters(cfg, FilterKeys(), strings.Fields(filters))
		if err != nil {
			t.Errorf("%s: %v", filters, err)
			continue
		}
		entries, broken := List(cfg, f, f.NeedUsers())
		var names []string
		for _, e := range entries {
			names = append(names, e.Name)
		}
		if got := strings.Join(names, " "); got != want || len(broken) > 0 {
			t.Errorf("%s: %q, want %q; %v", filters, got, want, broken)
		}
	}
	for _, filters := range []string{"name", "colour=red", "name=(", "dangling=perhaps", "until=soon", "since=nothere"} {
		if _, err := ParseFilters(cfg, FilterKeys(), []string{filters}); err == nil {
			t.Errorf("%s: no error", filters)
		}
	}
	if _, err := ParseFilters(cfg, PruneFilterKeys(), []string{"dangling=true"}); err == nil {
		t.Error("a prune that asks for what is dangling")
	}
}
