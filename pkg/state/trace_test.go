package state

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// op is one system call that changes the disk, or a word of the traced process.
type op struct {
	// kind is mkdir, create, write, rename, unlink, symlink, sync, or say.
	kind string
	path string
	to   string // of a rename; a link's target; what is said
	data []byte
	// truncate says that a create empties a file which is there.
	truncate bool
}

// traced are the calls that change what is on a disk. What is new here, and changes it, has to
// be understood by operation.
const traced = "openat,creat,write,pwrite64,writev,rename,renameat,renameat2,fsync,fdatasync,sync_file_range,syncfs,unlink,unlinkat,rmdir," +
	"mkdir,mkdirat,symlink,symlinkat,link,linkat,ftruncate,truncate,fallocate,copy_file_range"

// trace runs this test as a child that lives through a scenario, and gives what it did below dir.
func trace(t *testing.T, dir, scenario string) []op {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		absent(t, "strace is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-y", "-xx", "-s", "1000000", "-e", "trace="+traced, "-o", out,
		self, filepath.Join(dir, "data"), filepath.Join(dir, "run"), scenario)
	cmd.Env = append(os.Environ(), "RC_TEST_STATE=life")
	if text, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(text), "PTRACE") || strings.Contains(string(text), "ptrace") {
			absent(t, "processes cannot be traced here")
		}
		t.Fatalf("%v: %s", err, text)
	}
	return parseTrace(t, out, dir)
}

func absent(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func parseTrace(t *testing.T, path, dir string) []op {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ops []op
	pending := map[string]string{} // calls that another thread's interrupted, by pid
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		pid, text, _ := strings.Cut(lines.Text(), " ")
		text = strings.TrimSpace(text)
		if before, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
			pending[pid] = before
			continue
		}
		if i := strings.Index(text, " resumed>"); strings.HasPrefix(text, "<... ") && i > 0 {
			text = pending[pid] + text[i+len(" resumed>"):]
		}
		m := callLine.FindStringSubmatch(text)
		if m == nil || strings.HasPrefix(m[3], "-1") {
			continue // a signal, an end, or a call that failed
		}
		if o, ok := operation(t, m[1], m[2], dir); ok {
			ops = append(ops, o)
		}
	}
	if lines.Err() != nil || len(ops) == 0 {
		t.Fatalf("the trace has %d operations: %v", len(ops), lines.Err())
	}
	return ops
}

var (
	callLine = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (\S+)`)
	// word is an argument in the form of a string, or what -y says of a descriptor.
	word = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"|<((?:\\x[0-9a-f]{2})*)>`)
)

// operation understands a call; those that do not concern dir are none.
func operation(t *testing.T, call, args, dir string) (op, bool) {
	t.Helper()
	var words []string
	isFD := []bool{}
	for _, m := range word.FindAllStringSubmatch(args, -1) {
		text, err := strconv.Unquote(`"` + m[1] + m[2] + `"`)
		if err != nil {
			t.Fatal(args, err)
		}
		words, isFD = append(words, text), append(isFD, m[2] != "")
	}
	// paths are the arguments with the directories before them.
	var paths []string
	for i, w := range words {
		switch {
		case isFD[i]:
		case i > 0 && isFD[i-1] && !filepath.IsAbs(w):
			paths = append(paths, filepath.Join(words[i-1], w))
		default:
			paths = append(paths, w)
		}
	}
	ours := func(path string) bool { return strings.HasPrefix(path, dir+"/") || path == dir }
	switch call {
	case "openat":
		return op{kind: "create", path: paths[0], truncate: strings.Contains(args, "O_TRUNC")}, ours(paths[0]) && strings.Contains(args, "O_CREAT")
	case "write":
		if strings.HasPrefix(args, "1<") {
			return op{kind: "say", to: strings.TrimSpace(words[1])}, true
		}
		return op{kind: "write", path: words[0], data: []byte(words[len(words)-1])}, ours(words[0])
	case "renameat", "renameat2":
		return op{kind: "rename", path: paths[0], to: paths[1]}, ours(paths[0])
	case "fsync", "fdatasync":
		return op{kind: "sync", path: words[0]}, ours(words[0])
	case "unlinkat":
		return op{kind: "unlink", path: paths[0]}, ours(paths[0])
	case "mkdirat":
		return op{kind: "mkdir", path: paths[0]}, ours(paths[0])
	case "symlinkat":
		return op{kind: "symlink", to: words[0], path: paths[len(paths)-1]}, ours(paths[len(paths)-1])
	}
	for _, p := range append(paths, words...) {
		if ours(p) {
			t.Fatalf("a call that this test does not know: %s(%s)", call, args)
		}
	}
	return op{}, false
}
