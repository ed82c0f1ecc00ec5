package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

// fakeBus is bus and manager in one: it speaks the handshake, answers Hello, and leaves the rest
// to a script. It serves one connection.
type fakeBus struct {
	conn   net.Conn
	serial uint32
	mu     sync.Mutex
	calls  []string // members called, in order
}

// serveFake listens as the bus of $DBUS_SESSION_BUS_ADDRESS; answer is called for each method call
// but Hello and AddMatch.
func serveFake(t *testing.T, answer func(b *fakeBus, m *dbus.Message)) *fakeBus {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	b := &fakeBus{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b.conn = conn
		b.serve(t, answer)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return b
}

func (b *fakeBus) serve(t *testing.T, answer func(b *fakeBus, m *dbus.Message)) {
	in := bufio.NewReader(b.conn)
	if nul, err := in.ReadByte(); err != nil || nul != 0 {
		t.Errorf("handshake begins with %v, %v", nul, err)
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch line {
		case "AUTH\r\n":
			b.write("REJECTED EXTERNAL\r\n")
		case "AUTH EXTERNAL\r\n":
			b.write("DATA\r\n")
		case "DATA\r\n": // whoever the socket's credentials say
			b.write("OK 0123456789abcdef0123456789abcdef\r\n")
		case "BEGIN\r\n":
			b.messages(t, in, answer)
			return
		default:
			b.write("ERROR\r\n")
		}
	}
}

func (b *fakeBus) write(s string) { _, _ = b.conn.Write([]byte(s)) }

func (b *fakeBus) messages(t *testing.T, in *bufio.Reader, answer func(b *fakeBus, m *dbus.Message)) {
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := m.Headers[dbus.FieldMember].Value().(string)
		switch member {
		case "Hello":
			b.reply(m, ":1.1")
			continue
		case "AddMatch":
			if m.Flags&dbus.FlagNoReplyExpected == 0 {
				t.Error("AddMatch costs a round trip")
			}
		default:
			// The first call after boot finds a bus on which the manager is not yet.
			if m.Flags&dbus.FlagNoAutoStart != 0 {
				t.Errorf("%s does not wait for the manager", member)
			}
		}
		b.mu.Lock()
		b.calls = append(b.calls, member)
		b.mu.Unlock()
		if member != "AddMatch" {
			answer(b, m)
		}
	}
}

func (b *fakeBus) called() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.calls...)
}

func (b *fakeBus) send(m *dbus.Message, headers map[dbus.HeaderField]any, body ...any) {
	b.serial++
	m.Headers = map[dbus.HeaderField]dbus.Variant{}
	for k, v := range headers {
		m.Headers[k] = dbus.MakeVariant(v)
	}
	if len(body) > 0 {
		m.Body = body
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	var buf bytes.Buffer
	if err := m.EncodeTo(&buf, binary.LittleEndian); err != nil {
		panic(err)
	}
	// The library gives no way to set the serial, which is at offset 8 of the header.
	binary.LittleEndian.PutUint32(buf.Bytes()[8:], b.serial)
	_, _ = b.conn.Write(buf.Bytes())
}

func (b *fakeBus) reply(to *dbus.Message, body ...any) {
	b.send(&dbus.Message{Type: dbus.TypeMethodReply}, map[dbus.HeaderField]any{dbus.FieldReplySerial: to.Serial()}, body...)
}

func (b *fakeBus) refuse(to *dbus.Message, name, text string) {
	b.send(&dbus.Message{Type: dbus.TypeError},
		map[dbus.HeaderField]any{dbus.FieldReplySerial: to.Serial(), dbus.FieldErrorName: name}, text)
}

func (b *fakeBus) jobRemoved(job, unit, result string) {
	b.send(&dbus.Message{Type: dbus.TypeSignal}, map[dbus.HeaderField]any{
		dbus.FieldPath: managerPath, dbus.FieldInterface: managerIntf, dbus.FieldMember: "JobRemoved", dbus.FieldSender: ":1.0",
	}, uint32(1), dbus.ObjectPath(job), unit, result)
}

const job = dbus.ObjectPath("/org/freedesktop/systemd1/job/7")

func member(m *dbus.Message) string {
	s, _ := m.Headers[dbus.FieldMember].Value().(string)
	return s
}

func connect(t *testing.T) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), 1234)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var testScope = Scope{
	Name: "rc-x.scope", PIDs: []int{1},
	Properties: []Property{{"MemoryMax", uint64(5)}, {"IOReadBandwidthMax", []DeviceRate{{"/dev/block/8:0", 7}}}},
}

func TestStartScope(t *testing.T) {
	var sent string
	b := serveFake(t, func(b *fakeBus, m *dbus.Message) {
		sent = dbus.MakeVariant(m.Body).String()
		b.jobRemoved("/org/freedesktop/systemd1/job/6", "other.scope", "failed")
		b.reply(m, job)
		b.jobRemoved(string(job), "rc-x.scope", "done")
	})
	if err := connect(t).StartScope(t.Context(), testScope); err != nil {
		t.Fatal(err)
	}
	// The subscription comes first: a quick job's end must not be missed.
	if diff := cmp.Diff([]string{"AddMatch", "StartTransientUnit"}, b.called()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, want := range []string{`"rc-x.scope"`, `"fail"`, `"MemoryMax"`, `/dev/block/8:0`, `"Delegate"`} {
		if !strings.Contains(sent, want) {
			t.Errorf("%s is not in %s", want, sent)
		}
	}
}

// A job can end before the reply that names it is read.
func TestStartScopeEarlySignal(t *testing.T) {
	serveFake(t, func(b *fakeBus, m *dbus.Message) {
		b.jobRemoved(string(job), "rc-x.scope", "done")
		time.Sleep(10 * time.Millisecond)
		b.reply(m, job)
	})
	if err := connect(t).StartScope(t.Context(), testScope); err != nil {
		t.Fatal(err)
	}
}

func TestStartScopeJobFails(t *testing.T) {
	serveFake(t, func(b *fakeBus, m *dbus.Message) {
		b.reply(m, job)
		b.jobRemoved(string(job), "rc-x.scope", "failed")
	})
	err := connect(t).StartScope(t.Context(), testScope)
	const want = `start scope "rc-x.scope": systemd could not move the processes, its job ended with "failed": wrong state`
	if !errors.Is(err, errs.ErrState) || err.Error() != want {
		t.Error(err)
	}
}

// A manager that is too old for a limit gets none; the cgroup below has them all.
func TestStartScopeOldManager(t *testing.T) {
	b := serveFake(t, func(b *fakeBus, m *dbus.Message) {
		if strings.Contains(dbus.MakeVariant(m.Body).String(), "MemoryMax") {
			b.refuse(m, errProperty, "Cannot set property MemoryMax, or unknown property.")
			return
		}
		b.reply(m, job)
		b.jobRemoved(string(job), "rc-x.scope", "done")
	})
	if err := connect(t).StartScope(t.Context(), testScope); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"AddMatch", "StartTransientUnit", "StartTransientUnit"}, b.called()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStartScopeNameTaken(t *testing.T) {
	taken := true
	b := serveFake(t, func(b *fakeBus, m *dbus.Message) {
		switch member(m) {
		case "StartTransientUnit":
			if taken {
				b.refuse(m, errUnitExists, "Unit rc-x.scope was already loaded")
				return
			}
			b.reply(m, job)
			b.jobRemoved(string(job), "rc-x.scope", "done")
		case "StopUnit":
			b.refuse(m, errNoUnit, "Unit rc-x.scope not loaded.")
		case "ResetFailedUnit":
			taken = false
			b.reply(m)
		}
	})
	if err := connect(t).StartScope(t.Context(), testScope); err != nil {
		t.Fatal(err)
	}
	want := []string{"AddMatch", "StartTransientUnit", "StopUnit", "ResetFailedUnit", "StartTransientUnit"}
	if diff := cmp.Diff(want, b.called()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStartScopeNoManager(t *testing.T) {
	serveFake(t, func(b *fakeBus, m *dbus.Message) {
		b.refuse(m, errUnknown, "The name org.freedesktop.systemd1 was not provided by any .service files")
	})
	if err := connect(t).StartScope(t.Context(), testScope); !errors.Is(err, ErrNoManager) {
		t.Error(err)
	}
}

func TestStartScopeBusDies(t *testing.T) {
	serveFake(t, func(b *fakeBus, _ *dbus.Message) { _ = b.conn.Close() })
	if err := connect(t).StartScope(t.Context(), testScope); !errors.Is(err, ErrNoManager) {
		t.Error(err)
	}
}

func TestStartScopeSilence(t *testing.T) {
	serveFake(t, func(*fakeBus, *dbus.Message) {})
	c := connect(t)
	begin := time.Now()
	err := c.StartScope(t.Context(), testScope)
	if !errors.Is(err, ErrNoManager) {
		t.Error(err)
	}
	if took := time.Since(begin); took < patience || took > patience+time.Second {
		t.Errorf("gave up after %v", took)
	}
}

// Other units' jobs are a sign of life: a busy manager is waited for.
func TestStartScopeBusyManager(t *testing.T) {
	serveFake(t, func(b *fakeBus, m *dbus.Message) {
		for range 5 {
			time.Sleep(patience / 4)
			b.jobRemoved("/org/freedesktop/systemd1/job/1", "other.scope", "done")
		}
		b.reply(m, job)
		b.jobRemoved(string(job), "rc-x.scope", "done")
	})
	if err := connect(t).StartScope(t.Context(), testScope); err != nil {
		t.Error(err)
	}
}

func TestConnectSilence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path) // the kernel accepts, nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+path)
	begin := time.Now()
	c, err := Connect(t.Context(), 1234)
	if c != nil || !errors.Is(err, ErrNoManager) {
		t.Error(err)
	}
	if took := time.Since(begin); took < patience || took > patience+time.Second {
		t.Errorf("gave up after %v", took)
	}
}

func TestConnectNowhere(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	t.Setenv("XDG_RUNTIME_DIR", "/nonexistent")
	_, err := Connect(t.Context(), 1234)
	if !Booted() {
		if !errors.Is(err, ErrNoManager) || !errors.Is(err, ErrNoSystemd) {
			t.Error(err)
		}
		return
	}
	if !errors.Is(err, ErrNoManager) || !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	const want = `no systemd user manager: connect to bus "/nonexistent/bus": no such file or directory; ` +
		`connect to bus "/run/user/1234/bus": no such file or directory`
	if err.Error() != want {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	serveFake(t, func(*fakeBus, *dbus.Message) {})
	c := connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := c.StartScope(ctx, testScope); err == nil || time.Since(begin) > time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

func TestControlGroups(t *testing.T) {
	serveFake(t, func(b *fakeBus, m *dbus.Message) {
		switch {
		case member(m) == "GetUnit" && m.Body[0] == "rc-x.scope":
			b.reply(m, dbus.ObjectPath("/unit/x"))
		case member(m) == "GetUnit":
			b.refuse(m, errNoUnit, "Unit not loaded.")
		case m.Body[0] == managerIntf:
			b.reply(m, dbus.MakeVariant("/user.slice/user@1.service"))
		default:
			b.reply(m, dbus.MakeVariant("/user.slice/user@1.service/user.slice/rc-x.scope"))
		}
	})
	c := connect(t)
	manager, err := c.ManagerCgroup(t.Context())
	if err != nil {
		t.Error(err)
	}
	unit, err := c.ControlGroup(t.Context(), "rc-x.scope")
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"/user.slice/user@1.service", "/user.slice/user@1.service/user.slice/rc-x.scope"}, []string{manager, unit}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.ControlGroup(t.Context(), "none.scope"); err == nil || errors.Is(err, ErrNoManager) {
		t.Error(err)
	}
}
