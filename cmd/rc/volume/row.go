package volume

import (
	"time"

	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/format"
)

// row is a volume with podman's fields.
type row struct {
	Name        string
	Driver      string
	Mountpoint  string
	CreatedAt   time.Time
	Labels      map[string]string
	Scope       string
	Options     map[string]string
	UID         int  `json:",omitempty"`
	GID         int  `json:",omitempty"`
	Anonymous   bool `json:",omitempty"`
	MountCount  int
	NeedsCopyUp bool              `json:",omitempty"`
	NeedsChown  bool              `json:",omitempty"`
	Timeout     int               `json:",omitempty"` // of plugins
	StorageID   string            `json:",omitempty"` // of the driver image
	LockNumber  int               // rc needs none
	Status      map[string]string `json:",omitempty"` // of plugins
}

// Label is one label: {{.Label "org.example"}}.
func (r row) Label(name string) string { return format.Plain(r.Labels[name]) }

func rowOf(e *volumes.Entry) row {
	r := row{
		Name: e.Name, Driver: e.Driver, Mountpoint: e.Source, CreatedAt: e.Created, Labels: e.Labels, Scope: volumes.Scope,
		Options: e.Options, Anonymous: e.Anonymous, MountCount: e.Running(), NeedsCopyUp: e.Unfilled, NeedsChown: e.Unfilled,
	}
	if e.UID != nil {
		r.UID = *e.UID
	}
	if e.GID != nil {
		r.GID = *e.GID
	}
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	if r.Options == nil {
		r.Options = map[string]string{}
	}
	return r
}

func rowsOf(entries []volumes.Entry) []row {
	rows := make([]row, 0, len(entries))
	for i := range entries {
		rows = append(rows, rowOf(&entries[i]))
	}
	return rows
}
