package inspect

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// IDMappings are the ranges of a container's user namespace: its own id, that of the default map, how many.
type IDMappings struct {
	UIDMap []string `json:"UidMap"`
	GIDMap []string `json:"GidMap"`
}

// identities are podman's words for a user namespace: private, or whose it is; "" is the default one.
func identities(root state.Root, c *spec.Container) (mode string, ids *IDMappings) {
	switch c.Userns.Mode {
	case "":
		return "", nil
	case spec.UsernsContainer:
		mode = "container:" + c.Userns.Container
	default:
		mode = "private"
	}
	uids, gids := c.OCI.Linux.UIDMappings, c.OCI.Linux.GIDMappings
	if chosen, err := root.ReadIDs(c.ID); err == nil { // it runs
		uids, gids = chosen.UIDs, chosen.GIDs
	}
	return mode, &IDMappings{UIDMap: ranges(uids), GIDMap: ranges(gids)}
}

func ranges(ids []specs.LinuxIDMapping) []string {
	out := []string{}
	for _, m := range ids {
		out = append(out, fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size))
	}
	return out
}
