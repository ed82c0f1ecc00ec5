package shim

import (
	"encoding/json"
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/hook"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/wire"
)

// messageLimit holds every message; the order, which may be longer, is a memfd.
const messageLimit = 32 << 10

// The first byte of a message says what it is; doc.go has the order of events.
const (
	msgPlan    byte = 'p' // rc: the plan; the order's memfd is attached
	msgPlace   byte = 'c' // rc: the place; the cgroup's directory is attached where there is one
	msgGo      byte = 'g' // rc: the container is on record, its command may run
	msgSignal  byte = 's' // rc: a signal's number
	msgDetach  byte = 'd' // rc: goes, and what it has started stays
	msgEOF     byte = 'f' // rc: nothing more comes for standard input
	msgDone    byte = 'k' // shim: done
	msgPhases  byte = 'P' // shim: phases, before msgStarted; where the plan wants them
	msgStarted byte = 't' // shim: started; what is typed goes to the file that is attached
	msgExited  byte = 'x' // shim: exited
	msgError   byte = 'e' // shim: failure

	// The first message to ctl.sock; msgGo is one, too.
	msgWatch  byte = 'w'
	msgAttach byte = 'a' // attachRequest
	msgExec   byte = 'E' // execRequest; then:
	msgOrder  byte = 'o' // the order's memfd is attached
	msgHealth byte = 'h'
	msgThaw   byte = 'T' // answered; then msgDetach, or the end of the connection
)

// Plan is all that the shim is told, but for what it was started with (Birth). Paths are
// absolute and the host's.
type Plan struct {
	// ID is of the container's directories. One without a Name is nobody's but its rc's: there is no record of it, and
	// there are no events.
	ID, Name string
	// Records is where the container's record and directories are.
	Records state.Root
	// Rootfs is how the root filesystem is mounted. Skeleton is a directory that all
	// containers share: SkeletonLower in it has the mount points that each of them needs and
	// lies below all layers, so that making them copies nothing up; SkeletonRoot is where each
	// shim mounts the root, in a mount namespace of its own.
	Rootfs   spec.Rootfs
	Skeleton string
	// Overlays are what else the shim mounts.
	Overlays []Overlay
	// UIDs and GIDs are the maps of a user namespace that the container has within the shim's
	// (Birth.Flags). Its root is shown by them: what is on disk keeps the shim's numbers. Binds
	// are the sources that its first process may be unable to reach.
	UIDs, GIDs []specs.LinuxIDMapping
	Binds      []oci.Bind
	// Fills are volumes to be filled, Parts what is shown of them, and Anonymous those that go
	// with a container that is removed. User is whose a volume becomes.
	Fills     []Fill
	Parts     []Part
	Anonymous []string
	User      User

	Remove      bool // --rm
	New         bool // goes if it cannot be started
	Hold        bool // the command waits for another rc's word
	Image       string
	Log         spec.Log // Path is absolute
	Restart     string   // the policy at the start: later ones are read from the record
	StopSignal  int
	StopTimeout uint // seconds
	Timeout     uint // seconds; 0 is for ever

	// NetHelper is rc-net's path and NetConfig what it is told; empty without a network.
	NetHelper string
	NetConfig json.RawMessage

	// Health is how the container's health is checked, nil for not at all, and HealthOrder and
	// StartupOrder are what the processes are told that do it; each is sent as a memfd.
	Health                    *spec.Health
	HealthOrder, StartupOrder []byte

	// Hooks are those that the shim has to run.
	Hooks hook.Set

	// Points are mount points that are not to be left in the root, where they have to be made.
	Points []string

	// Phases says that the shim is to tell how long the parts of the start take.
	Phases bool

	// Owners are given to files of the host before they are mounted.
	Owners []Owner
	// Notify says what the unit that rc was called in wants to hear.
	Notify Notify

	// Place is where the container's processes are, unless the shim was told to wait for it.
	Place Place

	// Order is what the container's first process is told: pkg/oci's, encoded. It is sent as a
	// memfd, and the shim does not look into it.
	Order []byte
}

// Overlay are directories to be mounted on Dir/merged with Dir/upper above them, or with Upper
// and Work where those are set. ReadOnly has nothing above.
type Overlay struct {
	Dir         string
	Lower       []string // topmost first
	Upper, Work string
	ReadOnly    bool
	Program     string // "" is the root's
	Shift       bool   // what is below are layers: it is shown by Plan.UIDs and GIDs
}

// Owner is what a file of the host is to be, for who sees it in the container.
type Owner struct {
	Path           string
	UID, GID, Mode uint32
}

func (o *Owner) fields(c *wire.Coder) {
	c.Text(&o.Path)
	wire.Number(c, &o.UID)
	wire.Number(c, &o.GID)
	wire.Number(c, &o.Mode)
}

func (o *Overlay) fields(c *wire.Coder) {
	c.Text(&o.Dir)
	wire.List(c, &o.Lower, (*wire.Coder).Text)
	c.Text(&o.Upper)
	c.Text(&o.Work)
	c.Flag(&o.ReadOnly)
	c.Text(&o.Program)
	c.Flag(&o.Shift)
}

// Place says where the container's processes are counted. The directory itself comes as
// a descriptor.
type Place struct {
	// Cgroup is the container's cgroup directory on the host, "" for none.
	Cgroup string
	// Scope is the systemd unit, "" where rc made the directory itself.
	Scope string
}

func (p *Plan) fields(c *wire.Coder) {
	c.Text(&p.ID)
	c.Text(&p.Name)
	c.Text(&p.Records.Data)
	c.Text(&p.Records.Run)
	wire.List(c, &p.Rootfs.Lower, (*wire.Coder).Text)
	c.Text(&p.Rootfs.Path)
	c.Flag(&p.Rootfs.Overlay)
	c.Text(&p.Rootfs.Upper)
	c.Text(&p.Rootfs.Work)
	c.Text(&p.Rootfs.MountProgram)
	c.Flag(&p.Rootfs.Volatile)
	c.Text(&p.Skeleton)
	wire.List(c, &p.Overlays, func(c *wire.Coder, o *Overlay) { o.fields(c) })
	mapFields(c, &p.UIDs)
	mapFields(c, &p.GIDs)
	wire.List(c, &p.Binds, func(c *wire.Coder, b *oci.Bind) { c.Text(&b.Source); c.Text(&b.Target); c.Flag(&b.Recursive) })
	wire.List(c, &p.Fills, func(c *wire.Coder, f *Fill) { f.fields(c) })
	wire.List(c, &p.Parts, func(c *wire.Coder, p *Part) { p.fields(c) })
	wire.List(c, &p.Anonymous, (*wire.Coder).Text)
	p.User.fields(c)
	c.Flag(&p.Remove)
	wire.Number(c, &p.StopSignal)
	wire.Number(c, &p.StopTimeout)
	wire.Number(c, &p.Timeout)
	c.Text(&p.NetHelper)
	c.Block((*[]byte)(&p.NetConfig))
	p.Place.fields(c)
	c.Flag(&p.New)
	c.Flag(&p.Hold)
	c.Text(&p.Image)
	c.Text(&p.Log.Driver)
	c.Text(&p.Log.Path)
	wire.Number(c, &p.Log.MaxSize)
	wire.Number(c, &p.Log.MaxFiles)
	c.Text(&p.Log.Tag)
	c.Text(&p.Restart)
	healthFields(c, &p.Health)
	p.Hooks.Fields(c)
	wire.List(c, &p.Points, (*wire.Coder).Text)
	wire.List(c, &p.Owners, func(c *wire.Coder, o *Owner) { o.fields(c) })
	c.Text(&p.Notify.Mode)
	c.Text(&p.Notify.Socket)
	c.Flag(&p.Notify.Main)
	c.Flag(&p.Phases)
}

func mapFields(c *wire.Coder, ids *[]specs.LinuxIDMapping) {
	wire.List(c, ids, func(c *wire.Coder, m *specs.LinuxIDMapping) {
		wire.Number(c, &m.ContainerID)
		wire.Number(c, &m.HostID)
		wire.Number(c, &m.Size)
	})
}

// healthFields codes a healthcheck, where there is one.
func healthFields(c *wire.Coder, to **spec.Health) {
	there := *to != nil
	c.Flag(&there)
	if !there {
		return
	}
	if *to == nil {
		*to = &spec.Health{}
	}
	h := *to
	wire.List(c, &h.Test, (*wire.Coder).Text)
	wire.Number(c, &h.Interval)
	wire.Number(c, &h.Timeout)
	wire.Number(c, &h.StartPeriod)
	wire.Number(c, &h.StartInterval)
	wire.Number(c, &h.Retries)
	c.Text(&h.OnFailure)
	wire.Number(c, &h.MaxLogCount)
	wire.Number(c, &h.MaxLogSize)
	startup := h.Startup != nil
	c.Flag(&startup)
	if !startup {
		return
	}
	if h.Startup == nil {
		h.Startup = &spec.StartupHealth{}
	}
	wire.List(c, &h.Startup.Test, (*wire.Coder).Text)
	wire.Number(c, &h.Startup.Interval)
	wire.Number(c, &h.Startup.Timeout)
	wire.Number(c, &h.Startup.Retries)
	wire.Number(c, &h.Startup.Successes)
}

// started says that a command runs.
type started struct {
	PID      int  // on the host
	Terminal bool // the file that comes along is a terminal's master
}

func (s *started) fields(c *wire.Coder) {
	wire.Number(c, &s.PID)
	c.Flag(&s.Terminal)
}

func (p *Place) fields(c *wire.Coder) {
	c.Text(&p.Cgroup)
	c.Text(&p.Scope)
}

// failure is an error on its way through the socket.
type failure struct {
	text string
	hint string
	code int
}

func (f *failure) fields(c *wire.Coder) {
	c.Text(&f.text)
	c.Text(&f.hint)
	wire.Number(c, &f.code)
}

func (f *failure) err() error {
	err := errs.WithCode(errors.New(f.text), f.code)
	if f.hint != "" {
		err = errs.WithHint(err, f.hint)
	}
	return err
}

// encode makes a message.
func encode(kind byte, fields func(*wire.Coder)) []byte {
	c := wire.NewWriter([]byte{kind})
	fields(c)
	return c.Bytes()
}

// decode reads what encode made, without its first byte.
func decode(data []byte, fields func(*wire.Coder)) error {
	c := wire.NewReader(data)
	fields(c)
	if err := c.Err(); err != nil {
		return fmt.Errorf("shim message: %w", err)
	}
	return nil
}

func encodeFailure(err error) []byte {
	const room = messageLimit / 4
	f := failure{text: err.Error(), hint: errs.Hint(err), code: errs.Code(err)}
	f.text, f.hint = f.text[:min(len(f.text), room)], f.hint[:min(len(f.hint), room)]
	return encode(msgError, f.fields)
}

// exited is the end of a container's command.
type exited struct {
	Code int
	OOM  bool // the out-of-memory killer was there
	// Unwritten says why not all that was printed could be written to the caller's streams.
	Unwritten string
}

func (e *exited) fields(c *wire.Coder) {
	wire.Number(c, &e.Code)
	c.Flag(&e.OOM)
	if c.More() { // a shim that was started before an update of rc does not say it
		c.Text(&e.Unwritten)
	}
}

func (e exited) encode() []byte { return encode(msgExited, e.fields) }

func number(n *int) func(*wire.Coder) {
	return func(c *wire.Coder) { wire.Number(c, n) }
}
