package dockerfile

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/rc-containers/rc/pkg/index"
)

var update = flag.Bool("update", false, "write what is wanted from what comes")

// TestGolden goes through the Dockerfiles of testdata/golden as a build does, and compares all that comes. An archive
// has a Dockerfile, options.json (PlanOptions), and bases.json (configurations by the name of the image).
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range archive.Files {
				files[f.Name] = f.Data
			}
			o := PlanOptions{Platform: "linux/amd64", BuildPlatform: "linux/amd64"}
			bases := map[string]index.Config{}
			for file, into := range map[string]any{"options.json": &o, "bases.json": &bases} {
				if data, ok := files[file]; ok {
					if err := json.Unmarshal(data, into); err != nil {
						t.Fatalf("%s: %v", file, err)
					}
				}
			}
			got := walk(files["Dockerfile"], o, bases)
			if *update {
				archive.Files = append(without(archive.Files, "want"), txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(files["want"]), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			windows := "\ufeff" + strings.ReplaceAll(string(files["Dockerfile"]), "\n", "\r\n")
			got = strings.ReplaceAll(walk([]byte(windows), o, bases), `\r\n`, `\n`)
			if d := cmp.Diff(string(files["want"]), strings.ReplaceAll(got, "\r\n", "\n")); d != "" {
				t.Errorf("as Windows writes it: -want +got:\n%s", d)
			}
		})
	}
}

func without(files []txtar.File, name string) []txtar.File {
	var rest []txtar.File
	for _, f := range files {
		if f.Name != name {
			rest = append(rest, f)
		}
	}
	return rest
}

// walk is all that a build would see of a Dockerfile, up to the first error.
func walk(data []byte, o PlanOptions, bases map[string]index.Config) string {
	var b strings.Builder
	if err := walkTo(&b, data, o, bases); err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

func walkTo(b *strings.Builder, data []byte, o PlanOptions, bases map[string]index.Config) error {
	f, err := Parse(data, "Dockerfile")
	if err != nil {
		return err
	}
	p, err := f.Plan(o)
	if err != nil {
		return err
	}
	ended := map[*Stage]index.Config{}
	for _, w := range p.Warnings {
		fmt.Fprintf(b, "warning: %s\n", w)
	}
	if p.Epoch != nil {
		fmt.Fprintf(b, "epoch: %d\n", *p.Epoch)
	}
	for _, s := range p.Stages {
		fmt.Fprintf(b, "stage %d %s: lines %v, from %s%s\n", s.Index, s.Name, s.Lines, describe(s.From), needs(s))
		config, err := walkStage(b, s, bases, ended)
		if err != nil {
			return err
		}
		ended[s] = config
		fmt.Fprintf(b, "config: %s\n", indented(config))
	}
	if unused := p.Unused(); unused != "" {
		fmt.Fprintf(b, "warning: %s\n", unused)
	}
	return nil
}

func walkStage(b *strings.Builder, s *Stage, bases map[string]index.Config, ended map[*Stage]index.Config) (index.Config, error) {
	base := bases[s.From.Image]
	if s.From.Stage != nil {
		base = ended[s.From.Stage]
	}
	steps, err := s.Begin(base)
	if err != nil {
		return base, err
	}
	if s.shown() {
		fmt.Fprintf(b, "%s\n", steps.Title("IMAGE"))
	}
	for {
		step, err := steps.Next()
		if errors.Is(err, io.EOF) {
			return steps.Config(), nil
		}
		if err != nil {
			return base, err
		}
		for _, w := range step.Warnings {
			fmt.Fprintf(b, "warning: %s\n", w)
		}
		if step.Number == 0 {
			fmt.Fprintf(b, "-> %s\n", step.Text)
		} else {
			fmt.Fprintf(b, "-> %s\n", step.Title)
		}
		empty := ""
		if step.Empty {
			empty = " (empty)"
		}
		fmt.Fprintf(b, "   history%s: %s\n", empty, step.CreatedBy)
		for _, what := range []any{step.Run, step.Copy, step.Workdir} {
			if text := indented(what); text != "null" {
				fmt.Fprintf(b, "   %s\n", text)
			}
		}
	}
}

// MarshalJSON is for the tests: a source is what it names.
func (s *Source) MarshalJSON() ([]byte, error) { return json.Marshal(describe(*s)) }

func describe(s Source) string {
	text := "scratch"
	switch {
	case s.Stage != nil:
		text = "stage " + s.Stage.Name
	case s.Image != "":
		text = "image " + s.Image
	case s.Context != "":
		text = "context " + s.Context
	case s.Build:
		text = "the build context"
	}
	if s.Platform != "" {
		text += " for " + s.Platform
	}
	if s.Meant != "" {
		text += " (or stage " + s.Meant + "?)"
	}
	return text
}

func needs(s *Stage) string {
	text := ""
	for _, other := range s.Needs {
		text += ", needs " + other.Name
	}
	return text
}

func indented(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
