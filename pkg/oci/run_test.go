package oci

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	got := output(t, "echo hello; hostname; pwd; echo $HOME; echo $$", nil)
	if want := "hello\nbox\n/\n/root\n1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		script string
		code   int
	}{
		{"exit 0", 0}, {"exit 7", 7}, {"exit 255", 255}, {"sh -c 'kill -9 $$'; exit $?", 137},
	} {
		if r := run(t, test.script, nil); r.Err != "" || r.Code != test.code {
			t.Errorf("%q: code %d, error %q; want %d", test.script, r.Code, r.Err, test.code)
		}
	}
}

func TestMissingCommands(t *testing.T) {
	for _, test := range []struct {
		arg, want string
		code      int
	}{
		{"foo", `exec "foo": executable file not found in $PATH`, 127},
		{"/bin/foo", `exec "/bin/foo": no such file or directory`, 127},
		{"/etc", `exec "/etc": is a directory`, 126},
		{"/etc/passwd", `exec "/etc/passwd": permission denied`, 126},
		{"/etc/passwd/x", `exec "/etc/passwd/x": not a directory`, 127},
		{"plain", `exec "/bin/plain": permission denied`, 126},
		{"garbage", `exec "garbage": exec format error`, 126},
		{"lost", `exec "lost": no such file or directory`, 127},
	} {
		for _, init := range []bool{false, true} {
			r := run(t, "", func(p *plan) {
				p.Spec.Process.Args = []string{test.arg}
				p.Init = init
				write(t, p.Rootfs+"/bin/plain", "#!/bin/sh\n", 0o644)
				write(t, p.Rootfs+"/bin/garbage", "garbage\n", 0o755)
				write(t, p.Rootfs+"/bin/lost", "#!/no/such/interpreter\n", 0o755)
			})
			if r.Err != test.want || r.ErrCode != test.code {
				t.Errorf("%s, init %v: %q, %d; want %q, %d\n%s", test.arg, init, r.Err, r.ErrCode, test.want, test.code, r.stderr)
			}
			if test.arg == "lost" && !strings.Contains(r.Hint, "interpreter") {
				t.Errorf("%s: hint %q", test.arg, r.Hint)
			}
		}
	}
}

func TestDefaultCapabilities(t *testing.T) {
	got := output(t, "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status", nil)
	want := "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n" +
		"CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
