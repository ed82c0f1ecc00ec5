package errs

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{io.EOF, CodeError},
		{WithCode(io.EOF, CodeNotFound), CodeNotFound},
		{fmt.Errorf("run: %w", WithHint(WithCode(io.EOF, CodeNotExecutable), "hint")), CodeNotExecutable},
		{fmt.Errorf("run: %w", Exit(3)), 3},
		{WithCode(nil, 7), 0},
	} {
		if got := Code(test.err); got != test.want {
			t.Errorf("Code(%v) = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestHint(t *testing.T) {
	err := fmt.Errorf("outer: %w", WithHint(WithHint(io.EOF, "inner"), "outer"))
	if got := Hint(err); got != "outer" {
		t.Errorf("Hint = %q, want the outermost", got)
	}
	if !errors.Is(err, io.EOF) || Hint(io.EOF) != "" || WithHint(nil, "x") != nil {
		t.Error("a hint changes what the error is")
	}
}

func TestRefusal(t *testing.T) {
	err := Invalidf("--memory %q: %w", "5x", io.EOF)
	if err.Error() != `--memory "5x": EOF` || !errors.Is(err, ErrInvalid) || !errors.Is(err, io.EOF) || errors.Is(err, ErrUnsupported) {
		t.Errorf("Invalidf gives %v", err)
	}
	if err := Unsupportedf("x"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Unsupportedf gives %v", err)
	}
}

func TestWithCheck(t *testing.T) {
	for _, test := range []struct{ hint, want, plain string }{
		{"sudo apt install x", "sudo apt install x; rc doctor fuse", "sudo apt install x"},
		{"", "rc doctor fuse", ""},
		{"see rc doctor run; or not", "see rc doctor run; or not; rc doctor fuse", "see rc doctor run; or not"},
	} {
		err := WithCheck(io.EOF, test.hint, "fuse")
		if Hint(err) != test.want || PlainHint(err) != test.plain || !errors.Is(err, io.EOF) {
			t.Errorf("%q: %q, %q", test.hint, Hint(err), PlainHint(err))
		}
	}
	if got := PlainHint(WithHint(io.EOF, "rc doctor is a verb")); got != "rc doctor is a verb" {
		t.Errorf("%q", got)
	}
	if WithCheck(nil, "x", "fuse") != nil {
		t.Error("an error from nothing")
	}
}
