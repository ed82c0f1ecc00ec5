package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/record"
)

// Types of what events are about.
const (
	Container = "container"
	Image     = "image"
	Network   = "network"
	Volume    = "volume"
	Secret    = "secret"
	System    = "system"
)

// Event is one line of the journal. The names in JSON are those of podman's journal.
type Event struct {
	// Time is when it happened; Append takes the present for a zero one.
	Time time.Time
	// Type is what it happened to: container, image, …
	Type string
	// Status is what happened, in podman's words: podman-events(1).
	Status string
	ID     string `json:",omitempty"`
	Name   string `json:",omitempty"`
	// Image is the image of a container.
	Image string `json:",omitempty"`
	// ExitCode is that of a container or of an exec that ended.
	ExitCode *int `json:"ContainerExitCode,omitempty"`
	// Attributes are a container's labels, and what else there is to say.
	Attributes map[string]string `json:",omitempty"`
}

// longest is how long a line may be with its newline. One write(2) of so little is not torn
// by another (PIPE_BUF's size; on files any O_APPEND write is whole, this keeps lines cheap).
const longest = 4096

// opening is how every line begins. Quotes within strings are escaped, so it is found
// nowhere else but for an attribute of this name.
const opening = `{"Time":`

// line is the event as it is written. Long attributes are cut, many are left out, so that it
// stays below the limit.
func (e Event) line() ([]byte, error) {
	if e.Type == "" || e.Status == "" {
		return nil, errors.New("event without type or status")
	}
	e.Attributes = maps.Clone(e.Attributes)
	for most := longest / 4; ; most /= 2 {
		data := e.json()
		if len(data) < longest {
			return append(data, '\n'), nil
		}
		e.shorten(max(most, 16))
	}
}

// json is what encoding/json makes of it; see package record.
func (e *Event) json() []byte {
	var o, attributes record.Object
	o.Time("Time", e.Time)
	o.Text("Type", e.Type)
	o.Text("Status", e.Status)
	o.TextIfAny("ID", e.ID)
	o.TextIfAny("Name", e.Name)
	o.TextIfAny("Image", e.Image)
	if e.ExitCode != nil {
		o.Number("ContainerExitCode", int64(*e.ExitCode), true)
	}
	if len(e.Attributes) > 0 {
		for _, key := range slices.Sorted(maps.Keys(e.Attributes)) {
			attributes.Text(key, e.Attributes[key])
		}
		o.Object("Attributes", &attributes)
	}
	return o.JSON()
}

// shorten cuts every attribute to most bytes; where most is small, it takes away half of them,
// and cuts the rest of the event when none is left.
func (e *Event) shorten(most int) {
	if len(e.Attributes) == 0 {
		for _, s := range []*string{&e.Type, &e.Status, &e.ID, &e.Name, &e.Image} {
			*s = cut(*s, max(most, 64))
		}
		return
	}
	keys := slices.Sorted(maps.Keys(e.Attributes))
	few := len(keys)
	if most < 64 {
		few /= 2
	}
	for i, key := range keys {
		value := e.Attributes[key]
		delete(e.Attributes, key)
		if i < few {
			e.Attributes[cut(key, most)] = cut(value, most)
		}
	}
}

// cut keeps the beginning of a string, and says that there was more.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// parse reads a line without its newline. Of two glued together, because the first was torn,
// the second is taken.
func parse(line []byte) (Event, bool) {
	if e, ok := decode(line); ok {
		return e, true
	}
	if i := bytes.LastIndex(line, []byte(opening)); i > 0 {
		return decode(line[i:])
	}
	return Event{}, false
}

func decode(line []byte) (Event, bool) {
	var e Event
	if !bytes.HasPrefix(line, []byte(opening)) || json.Unmarshal(line, &e) != nil {
		return Event{}, false
	}
	return e, e.Type != "" && e.Status != "" && !e.Time.IsZero()
}
