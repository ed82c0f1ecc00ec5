package state

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
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

// Names are the names that are taken, sorted, by one look at one directory: some may be of
// containers that are being made, or of none any more.
func (r Root) Names() ([]string, error) {
	links, err := os.ReadDir(r.namesDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := make([]string, 0, len(links))
	for _, l := range links {
		names = append(names, l.Name())
	}
	return names, nil
}

// IDs are the ids of containers that begin with prefix, sorted. Their records are not read.
func (r Root) IDs(prefix string) ([]string, error) {
	if !isHex(prefix) && prefix != "" {
		return nil, nil
	}
	ids, err := idsIn(r.containersDir())
	return slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, prefix) }), err
}

// RunIDs are the ids of containers with a runtime directory, sorted: those that run, and what
// killed processes have left.
func (r Root) RunIDs() ([]string, error) { return idsIn(r.runsDir()) }

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

// Named is a container as it can be told at a glance.
type Named struct {
	ID, Name string
	// Status is one of the constants, or "" of a container that does not run, which was created or has exited.
	Status string
}

// Glance is every container by name, sorted, read from two directories: a record is read only
// of those that may run.
func (r Root) Glance() ([]Named, error) {
	links, err := os.ReadDir(r.namesDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ids, err := r.RunIDs()
	if err != nil {
		return nil, err
	}
	runs := make([]string, len(ids))
	each(len(ids), func(i int) {
		if e, err := r.entry(ids[i]); err == nil {
			runs[i] = e.Status
		}
	})
	named := make([]Named, 0, len(links))
	for _, link := range links {
		n := Named{ID: r.named(link.Name()), Name: link.Name()}
		if at, ok := slices.BinarySearch(ids, n.ID); ok {
			n.Status = runs[at]
		}
		named = append(named, n)
	}
	return named, nil
}
