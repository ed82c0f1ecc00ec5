package compress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/rc-containers/rc/pkg/errs"
)

// sample is data that compresses, longer than one of pgzip's blocks.
func sample() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 500)
	for i := range words {
		words[i] = []byte{byte(random.IntN(256)), byte(random.IntN(256)), byte('a' + random.IntN(26)), ' '}
	}
	var b bytes.Buffer
	for b.Len() < 5<<18 {
		b.Write(words[random.IntN(len(words))])
	}
	return b.Bytes()
}

func pack(t *testing.T, r Recipe, data []byte) []byte {
	t.Helper()
	z := r.Reader(bytes.NewReader(data))
	defer z.Close()
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	return out
}

func unpack(t *testing.T, r Recipe, data []byte) []byte {
	t.Helper()
	var plain io.Reader
	var err error
	if r.Format() == Zstd {
		plain, err = zstd.NewReader(bytes.NewReader(data))
	} else {
		plain, err = gzip.NewReader(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	out, err := io.ReadAll(plain)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	return out
}

// TestRecipes: each recipe makes the same bytes twice, of the format that it says, and is recognised by how they begin.
func TestRecipes(t *testing.T) {
	data := sample()
	all := append(Recipes(Gzip, []byte{0x1f, 0x8b}), Recipes(Zstd, []byte{1})...)
	if _, err := exec.LookPath("gzip"); err == nil {
		all = append(all, "gnu-6", "gnu-9")
	}
	for _, r := range all {
		packed := pack(t, r, data)
		if again := pack(t, r, data); !bytes.Equal(packed, again) {
			t.Errorf("%s: another result the second time", r)
		}
		if !bytes.Equal(unpack(t, r, packed), data) {
			t.Errorf("%s: other data come out", r)
		}
		head := packed[:512]
		matches := 0
		for _, candidate := range Recipes(r.Format(), head) {
			begins, err := candidate.Begins(bytes.NewReader(data), head)
			if err != nil {
				t.Errorf("%s: %v", candidate, err)
			}
			if begins && candidate == r {
				matches++
			}
		}
		if matches != 1 {
			t.Errorf("%s is not recognised", r)
		}
	}
}

func TestBeginsIsShort(t *testing.T) {
	packed := pack(t, "go", []byte("short"))
	for head, want := range map[string]bool{string(packed): true, string(packed) + "x": false, "": true} {
		if got, err := Recipe("go").Begins(bytes.NewReader([]byte("short")), []byte(head)); got != want || err != nil {
			t.Errorf("%d bytes: %v, %v", len(head), got, err)
		}
	}
}

func TestFor(t *testing.T) {
	level := func(n int) *int { return &n }
	for _, c := range []struct {
		format Format
		level  *int
		want   Recipe
	}{
		{Gzip, nil, "pgzip"},
		{Gzip, level(9), "pgzip-9"},
		{Zstd, nil, "zstd"},
		{Zstd, level(20), "zstd-20"},
	} {
		if got, err := For(c.format, c.level); got != c.want || err != nil || got.Format() != c.format {
			t.Errorf("%v %v: %q, %v", c.format, c.level, got, err)
		}
	}
	for _, c := range []struct {
		format Format
		level  *int
	}{{"lz4", nil}, {None, nil}, {Gzip, level(0)}, {Gzip, level(10)}, {Zstd, level(21)}} {
		if _, err := For(c.format, c.level); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", c.format, err)
		}
	}
}

func TestUnknownRecipe(t *testing.T) {
	for _, r := range []Recipe{"lz4", "go-x", "pgzip-77"} {
		if _, err := io.ReadAll(r.Reader(bytes.NewReader(nil))); err == nil {
			t.Errorf("%q is taken", r)
		}
	}
}

// TestBrokenSource: the source's error is the reader's, and closing early ends the compressor.
func TestBrokenSource(t *testing.T) {
	broken := errors.New("broken")
	for _, r := range []Recipe{"go", "pgzip", "zstd", ""} {
		z := r.Reader(io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), &failing{broken}))
		if _, err := io.ReadAll(z); !errors.Is(err, broken) {
			t.Errorf("%q: %v", r, err)
		}
		z.Close()
		z = r.Reader(bytes.NewReader(sample()))
		if _, err := io.ReadFull(z, make([]byte, 10)); err != nil {
			t.Errorf("%q: %v", r, err)
		}
		z.Close()
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
