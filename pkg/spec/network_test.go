package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPort(t *testing.T) {
	p := Port{HostIP: "::1", HostPort: 8000, ContainerPort: 80, Range: 2, Protocol: TCP}
	if p.Host() != "[::1]:8000-8001" || p.Container() != "80-81/tcp" {
		t.Errorf("%s %s", p.Host(), p.Container())
	}
	want := []Port{{"::1", 8000, 0, 80, 1, TCP}, {"::1", 8001, 0, 81, 1, TCP}}
	if diff := cmp.Diff(want, p.Single()); diff != "" {
		t.Error(diff)
	}
}
