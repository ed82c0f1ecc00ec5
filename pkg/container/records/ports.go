package records

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// PublishedPorts are a container's: while it runs with the numbers that rc has chosen, else as
// they were asked for.
func PublishedPorts(e *state.Entry) []spec.Port {
	if len(e.Published) > 0 && e.Alive() {
		return e.Published
	}
	return e.Ports
}

// HasPort tells whether a port of the container, as 80/tcp, is published.
func HasPort(ports []spec.Port, port string) bool {
	number, protocol, _ := strings.Cut(port, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	return err == nil && slices.ContainsFunc(ports, func(p spec.Port) bool { return p.Has(uint16(n), protocol) })
}
