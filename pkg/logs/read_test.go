package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// lines reads a log and says of each record: stream, what it is, text.
func lines(t testing.TB, c Config, o ReadOptions) []string {
	t.Helper()
	var got []string
	err := Read(context.Background(), c, o, func(l Line) error {
		kind := "F"
		if l.Partial {
			kind = "P"
		}
		got = append(got, fmt.Sprintf("%d%s %s", l.Stream, kind, l.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// at is a record of k8s-file so many seconds after noon.
func at(seconds int, rest string) string {
	return noon.Add(time.Duration(seconds)*time.Second).Format(k8sTime) + " " + rest + "\n"
}

func TestRead(t *testing.T) {
	three := at(0, "stdout F a") + at(1, "stderr F b") + at(2, "stdout F ")
	for _, test := range []struct {
		name  string
		files []string // newest first
		c     Config
		o     ReadOptions
		want  []string
	}{
		{name: "never written", o: ReadOptions{Tail: All}},
		{name: "all", files: []string{three}, o: ReadOptions{Tail: All}, want: []string{"1F a", "2F b", "1F "}},
		{name: "none", files: []string{three}, o: ReadOptions{Tail: 0}},
		{name: "tail", files: []string{three}, o: ReadOptions{Tail: 2}, want: []string{"2F b", "1F "}},
		{name: "more than there are", files: []string{three}, o: ReadOptions{Tail: 9}, want: []string{"1F a", "2F b", "1F "}},
		{name: "since", files: []string{three}, o: ReadOptions{Tail: All, Since: noon.Add(time.Second)}, want: []string{"2F b", "1F "}},
		{name: "until", files: []string{three}, o: ReadOptions{Tail: All, Until: noon.Add(time.Second)}, want: []string{"1F a", "2F b"}},
		{name: "tail, then until", files: []string{three}, o: ReadOptions{Tail: 2, Until: noon.Add(time.Second)}, want: []string{"2F b"}},
		{
			name: "rotated", files: []string{at(2, "stdout F c"), at(1, "stdout F b"), at(0, "stdout F a")}, c: Config{MaxFiles: 3},
			o: ReadOptions{Tail: All}, want: []string{"1F a", "1F b", "1F c"},
		},
		{
			name: "tail over files", files: []string{at(2, "stdout F c"), at(1, "stdout F b"), at(0, "stdout F a")}, c: Config{MaxFiles: 3},
			o: ReadOptions{Tail: 2}, want: []string{"1F b", "1F c"},
		},
		{
			name: "tail with pieces over files", c: Config{MaxFiles: 3},
			files: []string{at(2, "stdout F c"), at(1, "stdout P b") + at(2, "stderr F x"), at(0, "stdout F z") + at(0, "stdout P a")},
			o:     ReadOptions{Tail: 2}, want: []string{"1P a", "1P b", "2F x", "1F c"},
		},
		{
			name: "unfinished", files: []string{three + at(3, "stderr P x") + at(3, "stderr P y") + at(3, "stdout F z")},
			o: ReadOptions{Tail: 2}, want: []string{"2P x", "2P y", "1F z"},
		},
		{
			name: "half written", files: []string{three + at(3, "stdout F gone")[:20], three + at(3, "stdout F half")[:46]},
			o: ReadOptions{Tail: All}, want: []string{"1F a", "2F b", "1F ", "1F a", "2F b", "1F "},
		},
		{name: "tail of half written", files: []string{three + "2024"}, o: ReadOptions{Tail: 1}, want: []string{"1F "}},
		{
			name: "malformed", files: []string{"x\n\n" + three + "yesterday stdout F no\n" + at(4, "stdfoo F no") + at(5, "stdout X no") + "no end"},
			o: ReadOptions{Tail: All}, want: []string{
				"1F x", "1F ", "1F a", "2F b", "1F ", "1F yesterday stdout F no",
				"1F " + strings.TrimSpace(at(4, "stdfoo F no")), "1F " + strings.TrimSpace(at(5, "stdout X no")), "1F no end",
			},
		},
		{name: "tail of malformed", files: []string{"x\ny\n\nz"}, o: ReadOptions{Tail: 3}, want: []string{"1F y", "1F ", "1F z"}},
		{
			name: "docker's", c: Config{Driver: JSONFile}, o: ReadOptions{Tail: All},
			files: []string{
				`{"log":"a\u00e4\"\n","stream":"stderr","attrs":{"tag":"t"},"time":"2024-05-06T10:00:00.12Z"}` + "\n" +
					`{"log":"piece","stream":"stdout","time":"2024-05-06T10:00:00Z"}` + "\n{}\n" + `{"log":"half`,
			},
			want: []string{`2F aä"`, "1P piece", "1F {}"},
		},
		{
			name: "others' JSON", c: Config{Driver: JSONFile}, o: ReadOptions{Tail: All},
			files: []string{
				`{ "time":"2024-05-06T10:00:00Z", "stream":"stdout", "log":"turned\n" }` + "\n" +
					`{"log":"\ud83d\ude00\/\b\n","stream":"stdout","time":"2024-05-06T10:00:00Z"}` + "\n" +
					`{"log":"\\\"\u00e4\n\n","stream":"stdout","attrs":{"time":"x","tag":"\",\"time\":\""},"time":"2024-05-06T10:00:00Z"}` + "\n" +
					`{"log":"no end\` + "\n",
			},
			want: []string{"1F turned", "1F 😀/\b", "1F \\\"ä\n", `1F {"log":"no end\`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.c
			c.Path = filepath.Join(t.TempDir(), "ctr.log")
			for i, content := range test.files {
				if err := os.WriteFile(c.rotated(i), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(test.want, lines(t, c, test.o)); d != "" {
				t.Error(d)
			}
			// What has ended is followed to the same end, unless lines were to be written.
			ended := make(chan struct{})
			close(ended)
			test.o.Follow, test.o.Ended = true, ended
			if d := cmp.Diff(test.want, lines(t, c, test.o)); d != "" {
				t.Errorf("following: %s", d)
			}
		})
	}
}

// TestTail: the last n lines are the end of all lines, wherever blocks, files and pieces end.
func TestTail(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, driver := range []string{K8sFile, JSONFile} {
		c := Config{Driver: driver, Path: filepath.Join(t.TempDir(), "ctr.log"), MaxSize: 200_000, MaxFiles: 20}
		w := open(t, c)
		for i := range 300 {
			length := random.IntN(300)
			if i%20 == 0 {
				length += random.IntN(100_000) // in pieces
			}
			if i == 100 {
				length = 4 * pieceBudget
			}
			w.Write(Stdout, fmt.Appendf(nil, "%d%s\n", i, strings.Repeat("x", length)), noon)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(c.rotated(3)); err != nil {
			t.Fatal(err)
		}
		all := lines(t, c, ReadOptions{Tail: All})
		var starts []int
		for i := range all {
			if i == 0 || strings.HasPrefix(all[i-1], "1F") {
				starts = append(starts, i)
			}
		}
		for n := 1; n <= len(starts); n++ {
			want := all[starts[len(starts)-n]:]
			if got := lines(t, c, ReadOptions{Tail: n}); !slices.Equal(want, got) {
				t.Fatalf("%s: tail %d: %d records, want %d", driver, n, len(got), len(want))
			}
		}
	}
}

// TestTailIsCheap: what lies before is not read.
func TestTailIsCheap(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log")}
	const size = 1 << 40 // nobody would live to see it read
	f, err := os.Create(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("\n"+strings.Repeat(at(1, "stdout F x"), 100_000)), size); err != nil {
		t.Skip(err) // a file system that knows no holes
	}
	if got := lines(t, c, ReadOptions{Tail: 3}); len(got) != 3 {
		t.Errorf("%d lines", len(got))
	}
}

// TestReadWhileWritten: what comes later is not read without Follow, or reading would not end.
func TestReadWhileWritten(t *testing.T) {
	c := Config{Path: filepath.Join(t.TempDir(), "ctr.log")}
	w := open(t, c)
	defer w.Close()
	w.Write(Stdout, []byte("a\nb\n"), noon)
	n := 0
	err := Read(t.Context(), c, ReadOptions{Tail: All}, func(Line) error {
		n++
		w.Write(Stdout, []byte("more\n"), noon)
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

// FuzzK8s: no content of a file makes reading fail, and a record is what it was made of.
func FuzzK8s(f *testing.F) {
	f.Add([]byte(at(0, "stdout F x")), 1)
	f.Add([]byte(at(0, "stderr P x")+"2024"), 2)
	f.Fuzz(func(t *testing.T, data []byte, n int) { fuzzFile(t, K8sFile, data, n) })
}

// FuzzJSON is the same of json-file.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"log":"x\n","stream":"stdout","time":"2024-05-06T10:00:00.12Z"}`+"\n"), 1)
	f.Add([]byte(`{"log":"\ud800","stream":"stderr","time":""}`), 2)
	f.Fuzz(func(t *testing.T, data []byte, n int) { fuzzFile(t, JSONFile, data, n) })
}

// FuzzJSONRecord: what is read the fast way is what encoding/json reads.
func FuzzJSONRecord(f *testing.F) {
	f.Add([]byte(`a\u00e4\"\n`), []byte(`,"attrs":{"tag":"t"}`))
	f.Fuzz(func(t *testing.T, text, between []byte) {
		record := slices.Concat([]byte(jsonHead), text, []byte(`","stream":"stderr"`), between, []byte(`,"time":"2024-05-06T10:00:00.12Z"}`))
		got, ok := (&jsonFormat{}).parseOwn(record)
		var want struct {
			Log, Stream string
			Time        time.Time
		}
		if !ok || json.Unmarshal(record, &want) != nil || !utf8.Valid(text) || bytes.Contains(between, []byte(`"`)) {
			return
		}
		l := textLine([]byte(want.Log))
		if string(l.Text) != string(got.Text) || l.Partial != got.Partial || want.Stream != "stderr" || got.Stream != Stderr || !want.Time.Equal(got.Time) {
			t.Errorf("%s: got %+v want %+v", record, got, want)
		}
	})
}

func fuzzFile(t *testing.T, driver string, data []byte, n int) {
	c := Config{Driver: driver, Path: filepath.Join(t.TempDir(), "ctr.log")}
	if err := os.WriteFile(c.Path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	all := lines(t, c, ReadOptions{Tail: All})
	if got := lines(t, c, ReadOptions{Tail: max(n, 0)}); len(got) > len(all) {
		t.Errorf("tail %d has %d records of %d", n, len(got), len(all))
	}
	// A writer goes on after anything.
	w := open(t, c)
	w.Write(Stderr, []byte("on\n"), noon)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, c, ReadOptions{Tail: 1}); len(got) == 0 || got[len(got)-1] != "2F on" {
		t.Errorf("after it: %q", got)
	}
}

// FuzzWrite: what is written in any pieces is read as it was, by k8s-file byte for byte.
func FuzzWrite(f *testing.F) {
	f.Add([]byte("a\nb\xffc"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		c := Config{Path: filepath.Join(t.TempDir(), "ctr.log"), MaxSize: 300, MaxFiles: 1000}
		w := open(t, c)
		for chunk := range slices.Chunk(data, max(1, size%5000)) {
			w.Write(Stdout, chunk, noon)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got []byte
		err := Read(t.Context(), c, ReadOptions{Tail: All}, func(l Line) error {
			got = append(got, l.Text...)
			if !l.Partial {
				got = append(got, '\n')
			}
			return nil
		})
		if err != nil || string(got) != string(data) {
			t.Errorf("%v: got %q want %q", err, got, data)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for _, driver := range []string{K8sFile, JSONFile} {
		b.Run(driver, func(b *testing.B) {
			c := Config{Driver: driver, Path: filepath.Join(b.TempDir(), "ctr.log")}
			w := open(b, c)
			chunk := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 640))
			const chunks = 200
			for range chunks {
				w.Write(Stdout, chunk, noon)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(chunks * len(chunk)))
			for b.Loop() {
				if err := Read(b.Context(), c, ReadOptions{Tail: All}, func(Line) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
