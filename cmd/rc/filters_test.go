package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// withoutFilters are keys that rc has not, of all verbs or of one, and why.
func withoutFilters() map[string]string {
	return map[string]string{
		"pod":      "there are no pods",
		"manifest": "manifest lists are not among the images",
		"is-task":  "there is no swarm", "daemon": "there is no daemon", "plugin": "there are no plugins",
		"volume prune dangling": "no other volumes are pruned",
	}
}

// TestFiltersOfPeers: what a script of docker's or podman's filters by, rc does, too.
func TestFiltersOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, l := range peerLists(t, "filters.txt") {
		cmd, _, err := root.Find(l.verb)
		if err != nil {
			t.Fatal(err)
		}
		complete, ok := cmd.GetFlagCompletionFunc("filter")
		if !ok {
			t.Errorf("rc %s: keys of --filter are not completed", l.verb)
			continue
		}
		verb := strings.Join(l.verb, " ")
		offered, _ := complete(cmd, nil, "")
		for _, key := range l.words {
			if !slices.Contains(offered, key+"=") && withoutFilters()[key] == "" && withoutFilters()[verb+" "+key] == "" {
				t.Errorf("rc %s: no --filter %s: %q", verb, key, offered)
			}
		}
	}
}
