package state

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// maxName is what a directory entry holds (NAME_MAX).
const maxName = 255

// CheckName refuses what cannot be a container's name.
func CheckName(name string) error {
	const want = "want a letter or digit, then letters, digits, '_', '.' or '-' ([a-zA-Z0-9][a-zA-Z0-9_.-]*)"
	if name == "" || strings.IndexByte("_.-", name[0]) >= 0 {
		return errs.Invalidf("name %q: %s", name, want)
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("_.-", c) < 0 {
			return errs.Invalidf("name %q: %s", name, want)
		}
	}
	if len(name) > maxName {
		return errs.Invalidf("name %q: %d characters, want at most %d", name, len(name), maxName)
	}
	return nil
}

// GenerateName is a name like focused_curie that nobody has at this moment. Create may
// still find it taken (errs.ErrExists): then ask for another.
func (r Root) GenerateName() string {
	for range 8 {
		name := randomName()
		if _, err := os.Lstat(r.NamePath(name)); err != nil {
			return name
		}
	}
	// Thousands of containers: a number makes it unique.
	return randomName() + "_" + strconv.Itoa(rand.IntN(1_000_000))
}

func randomName() string {
	moods := strings.Fields(moodWords)
	people := strings.Fields(peopleWords)
	return moods[rand.IntN(len(moods))] + "_" + people[rand.IntN(len(people))]
}
