package installed

import (
	"context"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/quadlet"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Manager is what is asked of systemd; a *systemd.Conn is one.
type Manager interface {
	UnitStates(ctx context.Context, names []string) (map[string]systemd.UnitState, error)
	StopAndWait(ctx context.Context, unit string) error
}

// Item is a quadlet in a list.
type Item struct {
	Name     string
	UnitName string
	Path     string
	Status   string
	App      string
}

// notLoaded is podman's word for a unit that systemd does not know.
const notLoaded = "Not loaded"

// List lists all quadlets of the user. Without a manager, nil, no unit is loaded. The errors are of
// directories that could not be read.
func List(ctx context.Context, m Manager) ([]Item, []error, error) {
	dirs, problems := quadlet.Dirs()
	set, more := quadlet.Load(dirs, nil)
	problems = append(problems, more...)
	dir, err := quadlet.InstallDir()
	if err != nil {
		return nil, problems, err
	}
	lists, err := applications(dir)
	if err != nil {
		return nil, problems, err
	}
	var names []string
	for _, src := range set.Sources() {
		names = append(names, src.Unit())
	}
	states, err := statesOf(ctx, m, names)
	if err != nil {
		return nil, problems, err
	}
	items := make([]Item, 0, len(names))
	for i, src := range set.Sources() {
		item := Item{Name: src.Name, UnitName: names[i], Path: src.Path, Status: notLoaded}
		if s, ok := states[names[i]]; ok && s.Load == "loaded" {
			item.Status = s.Active + "/" + s.Sub
		}
		if rel, err := filepath.Rel(dir, src.Path); err == nil {
			item.App = applicationOf(lists, rel)
		}
		items = append(items, item)
	}
	return items, problems, nil
}

func statesOf(ctx context.Context, m Manager, names []string) (map[string]systemd.UnitState, error) {
	if m == nil {
		return nil, nil
	}
	return m.UnitStates(ctx, names)
}
