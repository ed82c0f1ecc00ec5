package main

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// TestDefaultsOfPeers: what is not given is what podman takes.
func TestDefaultsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, l := range peerLists(t, "defaults.txt") {
		cmd, _, err := root.Find(l.verb)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range l.words {
			name, want, _ := strings.Cut(word, "=")
			if flag := cmd.Flags().Lookup(name); flag == nil || flag.DefValue != want {
				t.Errorf("rc %s --%s: %+v, want the default %q", strings.Join(l.verb, " "), name, flag, want)
			}
		}
	}
}
