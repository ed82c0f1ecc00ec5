package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIdleScopes(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Minute)
	scope := func(digit, events string, when time.Time) string {
		name := "rc-" + strings.Repeat(digit, 64) + ".scope"
		writeFile(t, filepath.Join(dir, name, "cgroup.events"), events)
		if err := os.Chtimes(filepath.Join(dir, name), when, when); err != nil {
			t.Fatal(err)
		}
		return name
	}
	idle := scope("a", "populated 0\nfrozen 0\n", old)
	scope("b", "populated 1\nfrozen 0\n", old)
	scope("c", "populated 0\nfrozen 0\n", time.Now())
	writeFile(t, filepath.Join(dir, "other.scope", "cgroup.events"), "populated 0\n")
	if got := IdleScopes(dir, 2*time.Second, 10); !slices.Equal(got, []string{idle}) {
		t.Errorf("got %q, want %q", got, idle)
	}
	if got := IdleScopes(dir, 0, 0); got != nil {
		t.Errorf("beyond the limit: %q", got)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestContainers: cgroups and scopes of containers are found wherever they are, and not looked into.
func TestContainers(t *testing.T) {
	top := t.TempDir()
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for _, dir := range []string{
		"user.slice/rc-" + a + ".scope/container", "app.slice/x.service/rc-" + a, "rc-" + b + "/rc-" + a, "rc-short", "session.scope",
	} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	found := Containers(top)
	if len(found) != 2 || len(found[a]) != 2 || len(found[b]) != 1 || found[b][0] != filepath.Join(top, "rc-"+b) {
		t.Errorf("%v", found)
	}
	if found := Containers(filepath.Join(top, "nowhere")); len(found) != 0 {
		t.Errorf("%v", found)
	}
}
