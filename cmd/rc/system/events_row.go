package system

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/format"
)

// eventRow is an event with podman's field names, for templates and JSON.
type eventRow struct {
	ContainerExitCode *int   `json:",omitempty"`
	ID                string `json:",omitempty"`
	Image             string `json:",omitempty"`
	Name              string `json:",omitempty"`
	Network           string `json:"network,omitempty"`
	Status            string
	Time              int64 `json:"time,omitempty"`     // Unix, seconds
	TimeNano          int64 `json:"timeNano,omitempty"` // Unix, nanoseconds
	Type              string
	HealthStatus      string `json:"health_status,omitempty"`
	Error             string `json:",omitempty"`
	PodID             string `json:",omitempty"`
	Attributes        map[string]string

	at time.Time
}

// newEventRow takes fields that podman has, and the journal keeps as attributes, from there.
func newEventRow(e events.Event, short bool) eventRow {
	r := eventRow{
		ContainerExitCode: e.ExitCode, ID: e.ID, Image: e.Image, Name: e.Name, Status: e.Status, Type: e.Type,
		Time: e.Time.Unix(), TimeNano: e.Time.UnixNano(), at: e.Time, Attributes: e.Attributes,
		HealthStatus: e.Attributes["health_status"], Error: e.Attributes["error"],
	}
	if short {
		r.ID = format.ShortID(r.ID)
	}
	return r
}

// ToHumanReadable is the line that is shown without --format; podman's templates can call it.
func (r eventRow) ToHumanReadable(short bool) string {
	if short {
		r.ID = format.ShortID(r.ID)
	}
	return r.line()
}

// line is podman-events(1)'s, with what could steer a terminal written out.
func (r eventRow) line() string {
	head := fmt.Sprintf("%s %s %s", r.at.Local(), r.Type, r.Status)
	var more []string
	for _, key := range slices.Sorted(maps.Keys(r.Attributes)) {
		more = append(more, fmt.Sprintf(", %s=%s", key, r.Attributes[key]))
	}
	var text string
	switch r.Type {
	case events.Container, "pod":
		text = fmt.Sprintf("%s %s (image=%s, name=%s%s)", head, r.ID, r.Image, r.Name, strings.Join(more, ""))
	case events.Image:
		text = fmt.Sprintf("%s %s %s", head, r.ID, r.Name)
	default:
		text = strings.TrimRight(head+" "+r.Name, " ")
	}
	return format.Plain(text)
}
