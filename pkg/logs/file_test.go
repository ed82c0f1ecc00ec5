package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// noon is when everything happens.
var noon = time.Date(2024, 5, 6, 12, 0, 0, 120_000_000, time.FixedZone("", 2*3600))

// open opens a writer that the test closes at its end.
func open(t testing.TB, c Config) *file {
	t.Helper()
	w, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return w.(*file)
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRecords(t *testing.T) {
	long := strings.Repeat("x", maxText-1)
	for _, test := range []struct {
		name   string
		writes []string // "1text" or "2text"; "f" flushes
		k8s    string   // without the times
		json   string
	}{
		{name: "nothing"},
		{name: "a line", writes: []string{"1hello\n"}, k8s: "stdout F hello\n", json: `hello\n|stdout` + "\n"},
		{
			name: "split over calls", writes: []string{"1hel", "2err\n", "1lo\nwor", "1ld\n\n"},
			k8s:  "stderr F err\nstdout F hello\nstdout F world\nstdout F \n",
			json: `err\n|stderr` + "\n" + `hello\n|stdout` + "\n" + `world\n|stdout` + "\n" + `\n|stdout` + "\n",
		},
		{name: "no newline at the end", writes: []string{"2prompt> "}, k8s: "stderr P prompt> \n", json: "prompt> |stderr\n"},
		{
			name: "flushed", writes: []string{"1..", "f", "1..\n"},
			k8s: "stdout P ..\nstdout F ..\n", json: "..|stdout\n" + `..\n|stdout` + "\n",
		},
		{
			name: "long", writes: []string{"1" + long + "yz\nw\n"},
			k8s:  "stdout P " + long + "y\nstdout F z\nstdout F w\n",
			json: long + "y|stdout\n" + `z\n|stdout` + "\n" + `w\n|stdout` + "\n",
		},
		{
			name: "long and in pieces", writes: []string{"1" + long, "1yz", "1\n"},
			k8s:  "stdout P " + long + "y\nstdout F z\n",
			json: long + "y|stdout\n" + `z\n|stdout` + "\n",
		},
		{name: "just long enough", writes: []string{"1" + long + "y\n"}, k8s: "stdout F " + long + "y\n", json: long + `y\n|stdout` + "\n"},
		{
			name: "no character is torn", writes: []string{"1" + long + "ä\n"},
			k8s: "stdout P " + long + "\nstdout F ä\n", json: long + "|stdout\n" + `ä\n|stdout` + "\n",
		},
		{
			name: "bytes", writes: []string{"1\x00\xff\"\\\t\r\x1b<&>\u2028\n"},
			k8s: "stdout F \x00\xff\"\\\t\r\x1b<&>\u2028\n", json: `\u0000\ufffd\"\\\t\r\u001b<&>` + "\u2028" + `\n|stdout` + "\n",
		},
	} {
		for driver, want := range map[string]string{K8sFile: test.k8s, JSONFile: test.json} {
			t.Run(test.name+"/"+driver, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "ctr.log")
				w := open(t, Config{Driver: driver, Path: path})
				for _, p := range test.writes {
					if p == "f" {
						w.Flush()
						continue
					}
					w.Write(int(p[0]-'0'), []byte(p[1:]), noon)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				got := strings.ReplaceAll(read(t, path), "2024-05-06T12:00:00.120000000+02:00 ", "")
				got = strings.ReplaceAll(got, `","time":"2024-05-06T10:00:00.12Z"}`, "")
				got = strings.ReplaceAll(strings.ReplaceAll(got, `{"log":"`, ""), `","stream":"`, "|")
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestJSONTag(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ctr.log")
	w := open(t, Config{Driver: JSONFile, Path: path, Tag: `a"b`})
	w.Write(Stderr, []byte("x\n"), noon)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"log":"x\n","stream":"stderr","attrs":{"tag":"a\"b"},"time":"2024-05-06T10:00:00.12Z"}` + "\n"
	if got := read(t, path); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// TestMend: what a killed shim left half written does not disturb what follows.
func TestMend(t *testing.T) {
	const (
		k8s  = "2024-05-06T12:00:00.120000000+02:00 stdout F x\n"
		json = `{"log":"x\n","stream":"stdout","time":"2024-05-06T10:00:00.12Z"}` + "\n"
	)
	for _, test := range []struct{ name, driver, before, want string }{
		{"whole", K8sFile, k8s, k8s + k8s},
		{"half", K8sFile, k8s + k8s[:40], k8s + k8s},
		{"a byte", K8sFile, k8s + "2", k8s + k8s},
		{"nothing but half", K8sFile, k8s[:11], k8s},
		{"a file of another kind", K8sFile, "Dear diary,\ntoday", "Dear diary,\ntoday\n" + k8s},
		{"half", JSONFile, json + json[:30], json + json},
		{"two bytes", JSONFile, json[:2], json},
		{"a file of another kind", JSONFile, `{"level":1}`, `{"level":1}` + "\n" + json},
	} {
		t.Run(test.driver+"/"+test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ctr.log")
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			w := open(t, Config{Driver: test.driver, Path: path})
			w.Write(Stdout, []byte("x\n"), noon)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, read(t, path)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		c    Config
		want string
	}{
		{Config{Path: filepath.Join(dir, "a/b")}, "no such file"},
		{Config{Path: dir}, "is a directory"},
		{Config{Path: fifo}, "not a regular file"},
		{Config{Driver: Passthrough}, `log driver "passthrough"`},
	} {
		w, err := Open(test.c)
		if err == nil {
			_ = w.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.c, err, test.want)
		}
	}
	w, err := Open(Config{Driver: None})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(Stdout, []byte("x"), noon)
	w.Flush()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestFull: a file system without room costs whole lines, which are counted and told.
func TestFull(t *testing.T) {
	for _, driver := range []string{K8sFile, JSONFile} {
		t.Run(driver, func(t *testing.T) {
			dir := t.TempDir()
			if err := unix.Mount("logs", dir, "tmpfs", 0, "size=64k"); err != nil {
				testns.Need(t, err)
			}
			defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
			ballast := filepath.Join(dir, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 32<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "ctr.log")
			w := open(t, Config{Driver: driver, Path: path})
			sent := 0
			send := func(lines int) {
				var p []byte
				for range lines {
					p = fmt.Appendf(p, "line %d\n", 1000+sent)
					sent++
				}
				w.Write(Stdout, p, noon)
			}
			for range 100 {
				send(50)
			}
			if w.lost.bytes == 0 {
				t.Fatal("nothing was lost")
			}
			lost := w.lost.bytes
			if data := read(t, path); !strings.HasSuffix(data, "\n") {
				t.Errorf("half a record: %q", data[len(data)-60:])
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			send(1)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			kept, told := 0, ""
			for record := range bytes.Lines([]byte(read(t, path))) {
				l, ok := w.format.parse(bytes.TrimSuffix(record, newline))
				switch {
				case !ok:
					t.Fatalf("malformed: %q", record)
				case l.Stream == Stderr:
					told = string(l.Text)
				default:
					kept++
				}
			}
			if want := fmt.Sprintf("rc: %d bytes of output were lost: no space left on device", lost); told != want {
				t.Errorf("got %q want %q", told, want)
			}
			if got := int64((sent - kept) * len("line 1000\n")); got != lost {
				t.Errorf("%d of %d lines kept, so %d bytes are missing, but %d were told", kept, sent, got, lost)
			}
		})
	}
}

// TestFullAtEnd: what cannot be told is Close's error.
func TestFullAtEnd(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("logs", dir, "tmpfs", 0, "size=4k"); err != nil {
		testns.Need(t, err)
	}
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	w := open(t, Config{Path: filepath.Join(dir, "ctr.log")})
	w.Write(Stdout, bytes.Repeat([]byte("0123456\n"), 1000), noon)
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "bytes of output were lost: no space") {
		t.Error(err)
	}
}

func TestRotate(t *testing.T) {
	for _, test := range []struct {
		files int
		want  []string // newest first
	}{
		{0, []string{"e", "d"}},
		{1, []string{"e"}},
		{3, []string{"e", "d", "c"}},
		{9, []string{"e", "d", "c", "b", "a"}},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "ctr.log")
		w := open(t, Config{Path: path, MaxSize: 60, MaxFiles: test.files})
		for _, text := range []string{"a\n", "b\nc", "\nd\n", "e\n"} {
			w.Write(Stdout, []byte(text), noon)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range len(test.want) {
			l, _ := w.format.parse([]byte(strings.TrimSuffix(read(t, w.c.rotated(i)), "\n")))
			got = append(got, string(l.Text))
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%d files: %s", test.files, d)
		}
		if left, _ := os.ReadDir(dir); len(left) != len(test.want) {
			t.Errorf("%d files: %v", test.files, left)
		}
	}
}

// TestRotateRefused: a directory that takes no new file makes the file grow on.
func TestRotateRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ctr.log")
	w := open(t, Config{Path: path, MaxSize: 60})
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.Write(Stdout, []byte("x\n"), noon)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(read(t, path), "\n"); n != 3 {
		t.Errorf("%d lines", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, driver := range []string{K8sFile, JSONFile} {
		for _, length := range []int{2, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", driver, length), func(b *testing.B) {
				w := open(b, Config{Driver: driver, Path: filepath.Join(b.TempDir(), "ctr.log"), MaxSize: 100 << 20})
				line := append(bytes.Repeat([]byte("x"), length-1), '\n')
				chunk := bytes.Repeat(line, 64<<10/length)
				b.SetBytes(int64(len(chunk)))
				for b.Loop() {
					w.Write(Stdout, chunk, noon)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
