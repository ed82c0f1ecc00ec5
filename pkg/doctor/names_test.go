package doctor

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestNamed holds that each check which an error names (errs.WithCheck) exists.
func TestNamed(t *testing.T) {
	named := map[string]bool{}
	files := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			if s, isSelector := call.Fun.(*ast.SelectorExpr); !isSelector || s.Sel.Name != "WithCheck" {
				return true
			}
			where := files.Position(call.Pos())
			literal, isLiteral := call.Args[len(call.Args)-1].(*ast.BasicLit)
			if !isLiteral {
				t.Errorf("%s: want the name of a check, written out", where)
				return true
			}
			name, _ := strconv.Unquote(literal.Value)
			if named[name] = true; !slices.Contains(Names(), name) {
				t.Errorf("%s: rc doctor has no check %q", where, name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(named) < 12 {
		t.Errorf("only %d checks are named by errors: is the test looking in the right place?", len(named))
	}
}

// TestChecks holds what each check has to have, and that they are in an order in which they can be done.
func TestChecks(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		if c.Name == "" || c.Title == "" || c.Why == "" || c.Run == nil || seen[c.Name] || len(c.Name) >= 13 {
			t.Errorf("check %q: %+v", c.Name, c)
		}
		for _, need := range c.Needs {
			if !seen[need] {
				t.Errorf("check %q needs %q, which comes later or not at all", c.Name, need)
			}
		}
		seen[c.Name] = true
	}
}
