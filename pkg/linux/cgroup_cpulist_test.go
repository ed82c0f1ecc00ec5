package linux

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCPUList(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want CPUSet
		err  string
	}{
		{in: "0", want: CPUSet{1}},
		{in: "0-3,5", want: CPUSet{0x2f}},
		{in: "0,0,1-1\n", want: CPUSet{3}},
		{in: "9,0", want: CPUSet{1, 2}},
		{in: "", err: `list "": "" is not a number below 8192`},
		{in: "3-1", err: `list "3-1": range "3-1" runs backwards`},
		{in: "1-", err: `list "1-": "" is not a number below 8192`},
		{in: "-1", err: `list "-1": "" is not a number below 8192`},
		{in: "1,,2", err: `list "1,,2": "" is not a number below 8192`},
		{in: "+1", err: `list "+1": "+1" is not a number below 8192`},
		{in: "8192", err: `list "8192": "8192" is not a number below 8192`},
		{in: "a", err: `list "a": "a" is not a number below 8192`},
	} {
		got, err := ParseCPUList(tc.in)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if diff := cmp.Diff(tc.err, text); diff != "" {
			t.Errorf("%q: error (-want +got):\n%s", tc.in, diff)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestCPUSetWithout(t *testing.T) {
	asked, err := ParseCPUList("0-2,17")
	if err != nil {
		t.Fatal(err)
	}
	there, err := ParseCPUList("0,2-4")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 17}, asked.Without(there)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlineIsAList(t *testing.T) {
	for name, read := range map[string]func() (string, error){"cpu": OnlineCPUs, "node": OnlineNodes} {
		list, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if set, err := ParseCPUList(list); err != nil || !set.Has(0) {
			t.Errorf("%s: %q is %v, %v", name, list, set, err)
		}
	}
}

func FuzzParseCPUList(f *testing.F) {
	for _, seed := range []string{"0", "0-3,5", "3-1", "1-", ",", "8191"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		set, err := ParseCPUList(in)
		if err != nil {
			return
		}
		if len(set) == 0 || set[len(set)-1] == 0 {
			t.Errorf("%q: %v", in, set)
		}
	})
}
