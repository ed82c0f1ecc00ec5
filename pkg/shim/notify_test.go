package shim

import (
	"strings"
	"testing"
)

func TestRelayed(t *testing.T) {
	for message, want := range map[string]string{
		"READY=1":                              "READY=1",
		"STATUS=up\nMAINPID=3\nREADY=1":        "STATUS=up\nREADY=1",
		"MAINPID=3":                            "",
		"MAINPIDFDID=3\nMAINPIDFD=1":           "",
		"NOTIFYACCESS=none\nWATCHDOG=1":        "WATCHDOG=1",
		"BARRIER=1":                            "BARRIER=1",
		"RELOADING=1\nMONOTONIC_USEC=5\n":      "RELOADING=1\nMONOTONIC_USEC=5",
		"X_MAINPID=1\nSTATUS=MAINPID=1\nERRNO": "X_MAINPID=1\nSTATUS=MAINPID=1\nERRNO",
		"\n\n":                                 "",
	} {
		if got := relayed(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func FuzzRelayed(f *testing.F) {
	f.Add("READY=1\nMAINPID=1")
	f.Fuzz(func(t *testing.T, message string) {
		for line := range strings.Lines(relayed(message)) {
			if strings.HasPrefix(line, "MAINPID=") || strings.HasPrefix(line, "NOTIFYACCESS=") {
				t.Errorf("%q passes %q", message, line)
			}
		}
	})
}
