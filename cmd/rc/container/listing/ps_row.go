package listing

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// psTable is what ps shows by default.
const psTable = `{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}`

// psNamespaceTable is what ps --ns shows.
const psNamespaceTable = `{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.Cgroup}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t{{.PIDNS}}\t{{.User}}\t{{.UTS}}`

func psHeadings() map[string]string {
	return map[string]string{
		"Cgroup": "CGROUPNS", "IPC": "IPC", "MNT": "MNT", "NET": "NET", "PIDNS": "PIDNS", "User": "USERNS", "UTS": "UTS",
		"ID": "CONTAINER ID", "CreatedHuman": "CREATED", "Pod": "POD ID", "PodName": "PODNAME", "Pid": "PID",
	}
}

// psRow is a container as templates of docker and podman see it: its methods are the fields.
type psRow struct {
	e    state.Entry
	now  time.Time
	full bool // nothing is cut
	size *psSize
}

type psSize struct {
	RootFsSize int64 `json:"rootFsSize"`
	RwSize     int64 `json:"rwSize"`
}

func (r psRow) ID() string      { return r.short(r.e.ID) }
func (r psRow) ImageID() string { return r.short(r.e.ImageID) }
func (r psRow) Image() string   { return format.Plain(r.e.Image) }
func (r psRow) Names() string   { return r.e.Name }
func (r psRow) State() string   { return r.e.Status }
func (r psRow) Status() string  { return records.StatusText(r.e, r.now) }

func (r psRow) short(id string) string {
	if r.full {
		return id
	}
	return format.ShortID(id)
}

// Command is cut as podman cuts it.
func (r psRow) Command() string {
	const most = 17
	command := format.Plain(strings.Join(r.e.Command, " "))
	if cut := format.Truncate(command, most); !r.full && cut != command {
		return cut + "..."
	}
	return command
}

func (r psRow) Created() time.Time   { return r.e.Created }
func (r psRow) CreatedAt() string    { return r.e.Created.Round(0).String() }
func (r psRow) CreatedHuman() string { return format.Ago(r.e.Created, r.now) }
func (r psRow) RunningFor() string   { return r.CreatedHuman() }

func (r psRow) StartedAt() int64 { return unixTime(records.Started(r.e)) }

// ExitedAt is 0 for a container that runs or never ran.
func (r psRow) ExitedAt() int64 {
	if !r.Exited() {
		return 0
	}
	return unixTime(r.e.Exit.Finished)
}

func unixTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func (r psRow) Exited() bool { return r.e.Status == state.Exited && r.e.Exit != nil }

func (r psRow) ExitCode() int {
	if !r.Exited() {
		return 0
	}
	return r.e.Exit.Code
}

// Pid is that of the first process, 0 when there is none.
func (r psRow) Pid() int {
	if r.e.State == nil || !r.e.Alive() {
		return 0
	}
	return r.e.State.PID
}

func (r psRow) Labels() map[string]string { return r.e.Labels }

// Label is one label: {{.Label "org.example"}}.
func (r psRow) Label(name string) string { return format.Plain(r.e.Labels[name]) }

func (r psRow) Mounts() string   { return format.Plain(strings.Join(r.e.Mounts, ",")) }
func (r psRow) Networks() string { return r.e.Network }
func (r psRow) AutoRemove() bool { return r.e.Remove }

// Ports are as 0.0.0.0:8080->80/tcp, and those that are exposed only, as 80/tcp.
func (r psRow) Ports() string {
	ports := records.PublishedPorts(&r.e)
	list := make([]string, 0, len(ports))
	for _, p := range ports {
		list = append(list, p.Host()+"->"+p.Container())
	}
	for _, exposed := range r.e.Expose {
		if !records.HasPort(ports, exposed) {
			list = append(list, exposed)
		}
	}
	return strings.Join(list, ", ")
}

// ExposedPorts are those that the image and --expose speak of.
func (r psRow) ExposedPorts() string { return strings.Join(r.e.Expose, ", ") }

// What rc does not have yet is empty, so that scripts that name it work.
func (r psRow) Pod() string     { return "" }
func (r psRow) PodName() string { return "" }
func (r psRow) IsInfra() bool   { return false }

// Restarts is how often its restart policy has started it anew.
func (r psRow) Restarts() int { return records.Restarts(r.e) }

// Health is healthy, unhealthy, starting or stopped, "" without a healthcheck.
func (r psRow) Health() string { return records.HealthText(r.e) }

// Numbers of namespaces, "" for a container without a process.
func (r psRow) Cgroup() string { return r.namespace("cgroup") }
func (r psRow) IPC() string    { return r.namespace("ipc") }
func (r psRow) MNT() string    { return r.namespace("mnt") }
func (r psRow) NET() string    { return r.namespace("net") }
func (r psRow) PIDNS() string  { return r.namespace("pid") }
func (r psRow) User() string   { return r.namespace("user") }
func (r psRow) UTS() string    { return r.namespace("uts") }

// Namespaces are the same, as podman has them too.
func (r psRow) Namespaces() psNamespaces {
	return psNamespaces{r.Cgroup(), r.IPC(), r.MNT(), r.NET(), r.PIDNS(), r.User(), r.UTS()}
}

type psNamespaces struct{ Cgroup, IPC, MNT, NET, PIDNS, User, UTS string }

func (r psRow) namespace(kind string) string {
	pid := r.Pid()
	if pid == 0 {
		return ""
	}
	// pid:[4026531836], namespaces(7)
	link, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
	if err != nil {
		return "" // it has ended
	}
	return strings.Trim(link, kind+":[]")
}

// Size is what was written, and that with the image.
func (r psRow) Size() string {
	if r.size == nil {
		return ""
	}
	return fmt.Sprintf("%s (virtual %s)", format.Size(r.size.RwSize), format.Size(r.size.RootFsSize))
}

// MarshalJSON has podman's names and types.
func (r psRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AutoRemove   bool
		Command      []string
		CreatedAt    string
		Exited       bool
		ExitedAt     int64
		ExitCode     int
		ID           string `json:"Id"`
		Image        string
		ImageID      string
		IsInfra      bool
		Labels       map[string]string
		Mounts       []string
		Names        []string
		Networks     []string
		Pid          int
		Pod          string
		PodName      string
		Ports        []psPort
		ExposedPorts map[string][]string
		Restarts     int
		Size         *psSize
		StartedAt    int64
		State        string
		Status       string
		Created      int64
	}{
		r.e.Remove, r.e.Command, r.CreatedHuman(), r.Exited(), r.ExitedAt(), r.ExitCode(), r.e.ID, r.e.Image, r.e.ImageID, false,
		r.e.Labels, orEmpty(r.e.Mounts),
		[]string{r.e.Name},
		strings.Split(r.e.Network, ","),
		r.Pid(), "", "",
		psPorts(records.PublishedPorts(&r.e)), exposedPorts(r.e.Expose),
		r.Restarts(), r.size, r.StartedAt(),
		r.e.Status, r.Status(), r.e.Created.Unix(),
	})
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// psPort is a published port with podman's names.
type psPort struct {
	HostIP        string `json:"host_ip"`
	ContainerPort uint16 `json:"container_port"`
	HostPort      uint16 `json:"host_port"`
	Range         uint16 `json:"range"`
	Protocol      string `json:"protocol"`
}

func psPorts(ports []spec.Port) []psPort {
	list := make([]psPort, 0, len(ports))
	for _, p := range ports {
		list = append(list, psPort{p.HostIP, p.ContainerPort, p.HostPort, p.Range, p.Protocol})
	}
	return list
}

// exposedPorts are protocols by number.
func exposedPorts(exposed []string) map[string][]string {
	out := map[string][]string{}
	for _, e := range exposed {
		number, protocol, _ := strings.Cut(e, "/")
		out[number] = append(out[number], protocol)
	}
	return out
}
