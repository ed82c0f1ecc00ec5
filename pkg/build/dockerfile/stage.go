package dockerfile

import (
	"fmt"
	"math"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Stage is what one FROM begins.
type Stage struct {
	Index int
	Name  string // AS in lower case, or "stage-N"
	From  Source
	// Needs are the stages that FROM, COPY --from and RUN --mount name. ONBUILD of a base image may name others,
	// which are in no Plan: they are met first as the source of a Step.
	Needs []*Stage
	Lines [2]int // of FROM

	plan  *Plan
	nodes []*parser.Node
	// triggers are the ONBUILDs of a stage that this one is made from.
	triggers []*parser.Node
	// titled is the name that progress shows: none where there is one stage.
	titled string
	// end is where the stage has ended, for those that are made from it.
	end *Steps
}

// Title is what progress shows of FROM: "[build 1/5] FROM docker.io/library/alpine:3".
func (s *Stage) Title(image string) string {
	return s.title(1, s.total(), "FROM "+image)
}

// total counts what progress shows of the stage: FROM an image, and what changes files.
func (s *Stage) total() int {
	n := 0
	if s.shown() {
		n = 1
	}
	for _, nodes := range [][]*parser.Node{s.triggers, s.nodes} {
		for _, node := range nodes {
			if changesFiles(node) {
				n++
			}
		}
	}
	return n
}

// shown reports whether FROM is a step.
func (s *Stage) shown() bool { return s.From.Image != "" || s.From.Context != "" }

func changesFiles(node *parser.Node) bool {
	switch strings.ToUpper(node.Value) {
	case "ADD", "COPY", "RUN", "WORKDIR":
		return true
	}
	return false
}

// title is text with the stage and its step's number in front.
func (s *Stage) title(number, total int, text string) string {
	name := s.titled
	if name != "" {
		name += " "
	}
	return fmt.Sprintf("[%s%*d/%d] %s", name, int(1+math.Log10(float64(max(total, 1)))), number, total, text)
}
