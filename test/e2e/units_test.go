package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// units FILE…: give units to the user's manager, under the script's own prefix: web.service is
// $UNIT-web.service. ${RC}, ${UNIT} and the like in them are the script's variables; what rc is told by
// the environment is in it. They are stopped and removed at the end of the script.
func (s *suite) cmdUnits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: units FILE…")
	}
	dir := fmt.Sprintf("/run/user/%d/systemd/user", os.Getuid())
	ts.Check(os.MkdirAll(dir, 0o700))
	var names []string
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), func(name string) string {
			if value := ts.Getenv(name); value != "" {
				return value
			}
			return "${" + name + "}"
		})
		if strings.HasSuffix(file, ".service") {
			text += "\n[Service]\nStandardError=append:" + ts.MkAbs(said) + "\n"
			for _, name := range []string{"HOME", "PATH", "TMPDIR", "CONTAINERS_CONF", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"} {
				text += fmt.Sprintf("Environment=\"%s=%s\"\n", name, ts.Getenv(name))
			}
		}
		name := ts.Getenv("UNIT") + "-" + filepath.Base(file)
		ts.Check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		names = append(names, name)
	}
	ts.Defer(func() {
		// Sockets would start their services again.
		_ = systemctl(append([]string{"stop"}, names...)...).Run()
		for _, name := range names {
			_ = os.Remove(filepath.Join(dir, name))
		}
		_ = systemctl("daemon-reload").Run()
		_ = systemctl(append([]string{"reset-failed"}, names...)...).Run()
	})
	ts.Check(systemctl("daemon-reload").Run())
}

// said is what the units print to standard error.
const said = "units.err"

// systemctl of the user's manager, whose directory is not the script's.
func systemctl(args ...string) *exec.Cmd {
	cmd := exec.Command("systemctl", append([]string{"--user"}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("XDG_RUNTIME_DIR=/run/user/%d", os.Getuid()))
	return cmd
}

// [!] systemctl ARGUMENT…: of the user's manager.
func cmdSystemctl(ts *testscript.TestScript, neg bool, args []string) {
	cmd := systemctl(args...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		ts.Check(err)
	}
	if (err == nil) == neg {
		text, _ := os.ReadFile(ts.MkAbs(said))
		ts.Fatalf("systemctl: %v; the units said: %s", err, text)
	}
}
