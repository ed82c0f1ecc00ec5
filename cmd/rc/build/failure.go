package build

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

// around is how many lines of the Dockerfile are shown before and after those of the step that failed.
const around = 3

// explain writes what is to be known of a step that failed: its last lines, and its place in the Dockerfile.
func explain(out io.Writer, s *step, dockerfile, name string) {
	if len(s.tail) > 0 {
		fmt.Fprintf(out, "------\n > %s:\n", s.name)
		for _, l := range s.tail {
			fmt.Fprintf(out, "%.3f %s\n", l.after.Seconds(), l.text)
		}
		fmt.Fprintln(out, "------")
	}
	if s.lines[0] > 0 {
		quote(out, dockerfile, name, s.lines)
	}
}

// quote writes lines of a file with those around them.
func quote(out io.Writer, path, name string, lines [2]int) {
	f, err := os.Open(path)
	if err != nil {
		return // the error itself has the line's number
	}
	defer f.Close()
	fmt.Fprintf(out, "%s:%d\n", name, lines[0])
	fmt.Fprintln(out, "--------------------")
	in := bufio.NewScanner(f)
	for n := 1; in.Scan() && n <= lines[1]+around; n++ {
		if n < lines[0]-around {
			continue
		}
		mark := "   "
		if n >= lines[0] && n <= lines[1] {
			mark = ">>>"
		}
		fmt.Fprintf(out, "%4d | %s %s\n", n, mark, printable(in.Text()))
	}
	fmt.Fprintln(out, "--------------------")
}
