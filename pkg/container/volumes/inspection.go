package volumes

import (
	"time"

	"github.com/rc-containers/rc/pkg/format"
)

// Inspection is a volume with podman's fields.
type Inspection struct {
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
func (r Inspection) Label(name string) string { return format.Plain(r.Labels[name]) }

// Inspection is the entry with podman's fields.
func (e *Entry) Inspection() Inspection {
	r := Inspection{
		Name: e.Name, Driver: e.Driver, Mountpoint: e.Source, CreatedAt: e.Created, Labels: e.Labels, Scope: Scope,
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

// Inspections are several of them.
func Inspections(entries []Entry) []Inspection {
	list := make([]Inspection, 0, len(entries))
	for i := range entries {
		list = append(list, entries[i].Inspection())
	}
	return list
}
