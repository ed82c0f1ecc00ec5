package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/rc-containers/rc/cmd/rc/cli"
)

// withoutFields are those that rc has not, and why.
func withoutFields() map[string]string {
	return map[string]string{
		"events .ContainerInspectData": "podman's journal keeps it only where containers.conf says so; rc inspect",
		"ps .CIDFile":                  "it is not in the summary that ps reads; rc inspect",
		"image inspect .HealthCheck":   "the JSON says Healthcheck, as podman's does",
	}
}

// TestFieldsOfPeers: a template written for docker or podman finds its fields.
func TestFieldsOfPeers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	root := newRootCommand(&cli.App{}, nil)
	for _, l := range peerLists(t, "fields.txt") {
		cmd, _, err := root.Find(l.verb)
		if err != nil {
			t.Fatal(err)
		}
		complete, ok := cmd.GetFlagCompletionFunc("format")
		if !ok {
			t.Errorf("rc %s: fields are not completed", l.verb)
			continue
		}
		for _, field := range l.words {
			verb := strings.Join(l.verb, " ")
			offered, _ := complete(cmd, nil, "{{"+field)
			if slices.ContainsFunc(offered, func(word string) bool {
				word, _, _ = strings.Cut(word, "\t")
				return strings.HasSuffix(strings.TrimRight(word, "}. "), field)
			}) || withoutFields()[verb+" "+field] != "" {
				continue
			}
			// What is a name in JSON, too, is known without being offered.
			code, _, stderr := rc(t, append(slices.Clone(l.verb), "--format", "{{"+field+"}}")...)
			if code != 0 {
				t.Errorf("rc %s: no field %s: %.80q", verb, field, stderr)
			}
		}
	}
}
