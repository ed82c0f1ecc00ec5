package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVersionsInTime holds that a program that hangs, fails or forks costs a second at most.
func TestVersionsInTime(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	for name, script := range map[string]string{
		"good": "echo a library 7.8; echo good version 1.2; echo more", "other": "echo 3; echo 4", "hangs": "sleep 20", "fails": "exit 3", "forks": "sleep 20 & echo forks 1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	got := StartVersions(t.Context(), nil, "good", "other", "hangs", "fails", "forks", "absent-program")()
	if took := time.Since(start); took > 3*patience {
		t.Errorf("it took %v", took)
	}
	for name, want := range map[string]string{"good": "good version 1.2", "other": "3", "hangs": "unknown: ", "fails": "unknown: exit status 3", "forks": "", "absent-program": ""} {
		if program := got[name]; !strings.HasPrefix(program.Version, want) || program.Name != name || (program.Path == "") != (name == "absent-program") {
			t.Errorf("%s: %+v", name, program)
		}
	}
	elsewhere := StartVersions(t.Context(), []string{"/nowhere", dir}, "good")
	t.Setenv("PATH", "/usr/bin:/bin")
	if program := elsewhere()["good"]; program.Path == "" {
		t.Errorf("helper_binaries_dir: %+v", program)
	}
}

func TestExisting(t *testing.T) {
	dir := t.TempDir()
	if got := Existing(dir + "/a/b/c"); got != dir {
		t.Errorf("%q", got)
	}
}
