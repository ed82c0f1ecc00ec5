package dockerfile

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/rc-containers/rc/pkg/index"
)

// FuzzParse goes through whatever is given as a Dockerfile: it ends, twice the same way, and what is wrong is an *Error.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "Dockerfile" {
				f.Add(file.Data, "RUN x", "value")
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, trigger, value string) {
		if len(data) > 1<<12 {
			return // expansions of expansions grow
		}
		o := PlanOptions{
			Platform: "linux/amd64", BuildPlatform: "linux/arm64", Args: map[string]string{"A": value, "FOO": ""},
			Contexts: map[string]bool{"ctx": true},
		}
		bases := map[string]index.Config{"base": {OnBuild: []string{trigger}, ImageConfig: index.ImageConfig{Env: []string{value}}}}
		one, two := walk(data, o, bases), walk(data, o, bases)
		if one != two {
			t.Errorf("not the same twice:\n%s\n%s", one, two)
		}
		if err := through(data, "F"); err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
