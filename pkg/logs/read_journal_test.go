package logs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

const (
	journalA = `{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1714989600120000","PRIORITY":"6","MESSAGE":"a","CONTAINER_PARTIAL_MESSAGE":"true"}`
	journalB = `{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"1714989601120000","PRIORITY":"3","MESSAGE":[98,255]}`
	journalC = `{"__CURSOR":"c3","__REALTIME_TIMESTAMP":"1714989602120000","PRIORITY":"6","MESSAGE":""}`
)

// journalctl puts a script in the program's place, which writes its arguments to a file.
func journalctl(t *testing.T, script string) (args string) {
	t.Helper()
	dir := t.TempDir()
	args = filepath.Join(dir, "args")
	text := "#!/bin/sh\necho \"$*\" >>" + args + "\n" + script
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return args
}

func TestReadJournal(t *testing.T) {
	args := journalctl(t, "cat <<'EOF'\n"+strings.Join([]string{journalA, journalB, "nonsense", `{"MESSAGE":null}`, journalC}, "\n")+"\nEOF\n")
	c := Config{Driver: Journald, ID: "abc"}
	got := lines(t, c, ReadOptions{Tail: 7, Since: noon.Add(time.Second)})
	if d := cmp.Diff([]string{"2F b\xff", "1F "}, got); d != "" {
		t.Error(d)
	}
	want := "-q --no-pager --all -o json CONTAINER_ID_FULL=abc -n 7 --since @1714989601\n"
	if d := cmp.Diff(want, read(t, args)); d != "" {
		t.Error(d)
	}
}

// TestFollowJournal: what comes after journalctl's last look is fetched.
func TestFollowJournal(t *testing.T) {
	args := journalctl(t, "case \"$*\" in *'-n all') echo '"+journalA+"';; *-f) echo '"+journalB+"'; exec sleep 1000;; *c2) echo '"+journalC+"';; esac\n")
	ended := make(chan struct{})
	var got []string
	o := ReadOptions{Follow: true, Tail: All, Ended: ended}
	err := Read(t.Context(), Config{Driver: Journald, ID: "abc"}, o, func(l Line) error {
		if got = append(got, string(l.Text)); len(got) == 2 {
			close(ended)
		}
		return nil
	})
	if d := cmp.Diff([]string{"a", "b\xff", ""}, got); err != nil || d != "" {
		t.Errorf("%v: %s", err, d)
	}
	const common = "-q --no-pager --all -o json CONTAINER_ID_FULL=abc -n all"
	want := common + "\n" + common + " --after-cursor c1 -f\n" + common + " --after-cursor c2\n"
	if d := cmp.Diff(want, read(t, args)); d != "" {
		t.Error(d)
	}
}

// TestFollowJournalFromNow: --tail 0 shows nothing of what is there, and all that comes.
func TestFollowJournalFromNow(t *testing.T) {
	journalctl(t, "case \"$*\" in *'-n 1') echo '"+journalA+"';; *'c1 -f') exec sleep 1000;; *c1) echo '"+journalC+"';; esac\n")
	ended := make(chan struct{})
	close(ended)
	got := lines(t, Config{Driver: Journald, ID: "abc"}, ReadOptions{Follow: true, Ended: ended})
	if d := cmp.Diff([]string{"1F "}, got); d != "" {
		t.Error(d)
	}
}

func TestReadJournalFails(t *testing.T) {
	ignore := func(Line) error { return nil }
	journalctl(t, "echo no journal >&2; exit 1\n")
	err := Read(t.Context(), Config{Driver: Journald}, ReadOptions{Tail: All}, ignore)
	if err == nil || err.Error() != "read the journal: no journal" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Read(ctx, Config{Driver: Journald}, ReadOptions{Tail: All}, ignore); err == nil {
		t.Error("cancelled and no error")
	}
	t.Setenv("PATH", t.TempDir())
	err = Read(t.Context(), Config{Driver: Journald}, ReadOptions{Tail: All}, ignore)
	if err == nil || !strings.Contains(errs.Hint(err), "systemd") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(journalA))
	f.Add([]byte(journalB))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, _, ok := parseJournal(data); ok && l.Stream == 0 {
			t.Errorf("%+v", l)
		}
	})
}
