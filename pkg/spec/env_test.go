package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJoinEnv(t *testing.T) {
	got := JoinEnv([]string{"A=1", "B=2"}, []string{"B=3", "C=4"}, []string{"A=5"})
	if diff := cmp.Diff([]string{"A=5", "B=3", "C=4"}, got); diff != "" {
		t.Error(diff)
	}
	if value, ok := EnvValue(got, "B"); value != "3" || !ok {
		t.Errorf("B is %q %v", value, ok)
	}
	if _, ok := EnvValue(got, "D"); ok {
		t.Error("D is there")
	}
}
