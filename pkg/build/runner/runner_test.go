package runner

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, maxSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOKEN", "y")
	for value, want := range map[string]struct {
		id string
		s  Secret
	}{
		"id=a,src=token":             {"a", Secret{File: file}},
		"id=a,source=" + file:        {"a", Secret{File: file}},
		"type=file,id=a,src=token":   {"a", Secret{File: file}},
		"id=a,env=TOKEN":             {"a", Secret{Env: "TOKEN"}},
		"type=env,id=a,env=TOKEN":    {"a", Secret{Env: "TOKEN"}},
		"type=env,id=a,src=TOKEN":    {"a", Secret{Env: "TOKEN"}},
		"id=TOKEN":                   {"TOKEN", Secret{Env: "TOKEN"}},
		"id=token":                   {"token", Secret{File: file}},
		"ID=token,SRC=" + dir + "/.": {"", Secret{}},
		"id=a":                       {"", Secret{}},
		"id=a,env=NO_SUCH_VARIABLE":  {"", Secret{}},
		"id=a,src=large":             {"", Secret{}},
		"src=token":                  {"", Secret{}},
		"id=a,src=token,env=TOKEN":   {"", Secret{}},
		"id=a,type=x":                {"", Secret{}},
		"id=a,mode=0400":             {"", Secret{}},
		"id=a,src":                   {"", Secret{}},
		"":                           {"", Secret{}},
	} {
		id, s, err := ParseSecret(value, dir)
		switch {
		case (err != nil) != (want.id == ""):
			t.Errorf("%q: %v", value, err)
		case err == nil && (id != want.id || s != want.s):
			t.Errorf("%q: %q %+v", value, id, s)
		case err != nil && strings.Contains(err.Error(), "%!"):
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestParseSSH(t *testing.T) {
	dir := t.TempDir()
	socket, key := filepath.Join(dir, "socket"), filepath.Join(dir, "key")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	for value, want := range map[string]*SSH{
		"default":               {Socket: socket},
		"a=" + socket:           {Socket: socket},
		"a=socket,raw=true":     {Socket: socket, Raw: true},
		"a=key":                 {Keys: []string{key}},
		"a=key," + key:          {Keys: []string{key, key}},
		"a=key,socket":          nil,
		"a=key,raw=true":        nil,
		"a=socket,raw=perhaps":  nil,
		"a=no-such-file":        nil,
		"a=" + dir:              nil,
		"=socket":               nil,
		"default=socket,socket": nil,
	} {
		_, s, err := ParseSSH(value, dir)
		switch {
		case (err != nil) != (want == nil):
			t.Errorf("%q: %v", value, err)
		case err == nil:
			if diff := cmp.Diff(*want, s); diff != "" {
				t.Errorf("%q: %s", value, diff)
			}
		}
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, _, err := ParseSSH("default", dir); err == nil || !strings.Contains(err.Error(), "SSH_AUTH_SOCK") {
		t.Error(err)
	}
}

// both is an agent's or a client's connection: what is read, and what was written.
type both struct{ in, out bytes.Buffer }

func (b *both) Read(p []byte) (int, error)  { return b.in.Read(p) }
func (b *both) Write(p []byte) (int, error) { return b.out.Write(p) }

func message(kind byte, rest string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(1+len(rest)))) + string(kind) + rest
}

func TestForward(t *testing.T) {
	for kind := range byte(30) {
		var client, agent both
		client.in.WriteString(message(kind, "request"))
		agent.in.WriteString(message(99, "answer"))
		if err := forward(&client, &agent); err != nil {
			t.Fatal(kind, err)
		}
		want, asked := message(agentFailure, ""), ""
		if kind == agentList || kind == agentSign || kind == agentExtended {
			want, asked = message(99, "answer"), message(kind, "request")
		}
		if client.out.String() != want || agent.out.String() != asked {
			t.Errorf("%d: answered %q, asked %q", kind, client.out.String(), agent.out.String())
		}
	}
	for _, broken := range []string{"", "\x00\x00", "\x00\x00\x00\x05\x0b", "\xff\xff\xff\xff\x0b"} {
		var client, agent both
		client.in.WriteString(broken)
		if err := forward(&client, &agent); err == nil || agent.out.Len() > 0 {
			t.Errorf("%q: %v, asked %q", broken, err, agent.out.String())
		}
	}
	var client, agent both
	client.in.WriteString("\x00\x00\x00\x00")
	if err := forward(&client, &agent); err != nil || agent.out.Len() > 0 {
		t.Errorf("an empty request: %v, asked %q", err, agent.out.String())
	}
}

func TestEmulator(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"qemu-aarch64": "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n",
		"qemu-arm":     "disabled\ninterpreter /usr/bin/qemu-arm\n",
		"other":        "enabled\ninterpreter /opt/bin/emulate-riscv64\n",
		"status":       "enabled\n",
		"register":     "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for platform, want := range map[string]bool{
		"": true, "linux/amd64": true, "linux/386": true, "linux/amd64/v2": true, "linux/arm64": true, "linux/arm64/v8": true, "arm64": true,
		"linux/riscv64": true, "linux/arm/v7": false, "linux/arm": false, "linux/s390x": false, "linux/ppc64le": false,
	} {
		if err := checkEmulator(platform, "amd64", dir); (err == nil) != want {
			t.Errorf("%q: %v", platform, err)
		}
	}
	if checkEmulator("linux/386", "arm64", dir) == nil || checkEmulator("linux/arm64", "amd64", dir+"/none") == nil {
		t.Error("nobody can run that")
	}
}

func TestOptions(t *testing.T) {
	base := create.Options{Network: spec.Network{Mode: spec.NetworkBridge, AddHosts: []string{"a:1.2.3.4", "b:host-gateway"}}, Env: create.Env{Base: []string{"http_proxy=p", "A=no"}}}
	r := &Runner{o: Options{Container: base}}
	o := base
	run := build.Run{Args: []string{"make"}, Env: []string{"A=b"}, Dir: "/src", User: "me", Network: "none"}
	if err := r.options(&o, run); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"http_proxy=p", "A=b"}, o.Env.Set); diff != "" || !o.Env.UnsetAll || o.Hostname != hostname || o.Network.Mode != "none" || len(o.Network.AddHosts) != 1 {
		t.Errorf("%s %+v", diff, o)
	}
	if len(base.Network.AddHosts) != 2 {
		t.Error("the caller's options were changed")
	}
	for _, run := range []build.Run{
		{Args: []string{"a"}, Network: "host"},
		{Args: []string{"a"}, Security: "insecure"},
		{Args: []string{"a"}, Security: "x"},
		{Args: []string{"a"}, Network: "bridge"},
		{},
	} {
		o := base
		if err := r.options(&o, run); err == nil {
			t.Errorf("%+v: nothing refuses it", run)
		}
	}
	r.o.Allow = []string{AllowHost, AllowInsecure}
	o = base
	if err := r.options(&o, build.Run{Args: []string{"a"}, Network: "host", Security: "insecure"}); err != nil || !o.Privileged || o.Network.Mode != "host" {
		t.Errorf("%v %+v", err, o)
	}
}

// TestOutput is about a slow log, and about a pipe's end in the hands of somebody who does not go.
func TestOutput(t *testing.T) {
	var got strings.Builder
	out, err := newOutput(func(stream int, data []byte) {
		time.Sleep(time.Millisecond)
		got.WriteString(strings.Repeat("!", stream-1))
		got.Write(data)
	})
	if err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	if n, err := out.files[0].WriteString(strings.Repeat("a", size)); n != size || err != nil {
		t.Fatal(n, err)
	}
	out.close()
	if got.Len() != size {
		t.Errorf("%d bytes of %d", got.Len(), size)
	}
	got.Reset()
	if out, err = newOutput(func(stream int, data []byte) {
		got.WriteString(strings.Repeat("!", stream-1))
		got.Write(data)
	}); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(out.files[1].Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := out.files[1].WriteString("last words"); err != nil {
		t.Fatal(err)
	}
	out.close()
	if got.String() != "!last words" {
		t.Errorf("%q", got.String())
	}
}

func TestFull(t *testing.T) {
	if why := full(t.TempDir()); why != "" {
		t.Error(why)
	}
	if why := full("/no/such/place"); why != "" {
		t.Error(why)
	}
}
