package network

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// testRate: both directions are limited, within a tenth.
func testRate(t *testing.T, mode string) {
	const in, out = 24_000_000, 8_000_000
	c := startContainer(t)
	c.rate = &spec.Rate{In: in, Out: out}
	c.connect(t, mode)
	for _, tt := range []struct {
		name string
		want float64
		// serve is what the world does with a connection, and use what the container does; one of
		// them counts.
		receives bool
	}{{"out", out, false}, {"in", in, true}} {
		var listener net.Listener
		if msg := world.in(func() (string, error) {
			var err error
			listener, err = net.Listen("tcp4", worldAddress+":0")
			return "", err
		}); msg != "" {
			t.Fatal(msg)
		}
		counted := make(chan float64, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				counted <- 0
				return
			}
			defer func() { _ = conn.Close() }()
			if tt.receives {
				pour(conn)
				return
			}
			counted <- bitsPerSecond(conn)
		}()
		if msg := c.in(func() (string, error) {
			conn, err := net.DialTimeout("tcp4", listener.Addr().String(), 3*time.Second)
			if err != nil {
				return "", err
			}
			defer func() { _ = conn.Close() }()
			if tt.receives {
				counted <- bitsPerSecond(conn)
			} else {
				pour(conn)
			}
			return "", nil
		}); msg != "" {
			t.Errorf("%s: %s", tt.name, msg)
		}
		_ = listener.Close()
		got := <-counted
		t.Logf("%s: %.2f Mbit/s of %.0f", tt.name, got/1e6, tt.want/1e6)
		if got < 0.9*tt.want || got > 1.1*tt.want {
			t.Errorf("%s: %.2f Mbit/s, want %.0f within a tenth", tt.name, got/1e6, tt.want/1e6)
		}
	}
}

const (
	settle  = time.Second // until the bucket is empty
	measure = 2 * time.Second
)

func pour(conn net.Conn) {
	data := make([]byte, 64<<10)
	for end := time.Now().Add(settle + measure + time.Second/2); time.Now().Before(end); {
		_ = conn.SetWriteDeadline(end)
		if _, err := conn.Write(data); err != nil {
			return
		}
	}
}

// bitsPerSecond is how fast a connection brings data, once the bucket is empty.
func bitsPerSecond(conn net.Conn) float64 {
	buf := make([]byte, 64<<10)
	read := func(d time.Duration) (n int, took time.Duration) {
		began := time.Now()
		_ = conn.SetReadDeadline(began.Add(d))
		for {
			m, err := conn.Read(buf)
			n += m
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, io.EOF) {
					return 0, d
				}
				return n, time.Since(began)
			}
		}
	}
	read(settle)
	n, took := read(measure)
	return float64(n) * 8 / took.Seconds()
}

// TestRateRequests compares the messages to the kernel with what they were when they were
// checked against tc(8)'s words for them.
func TestRateRequests(t *testing.T) {
	var text bytes.Buffer
	for _, r := range []request{
		tokenBucket("out", 2, 5_000_000, 0, 0), tokenBucket("burst", 2, 100_000_000_000, 1<<20, inQueue), newIfb(inDevice), ingress(2), redirect(2, 3),
	} {
		text.WriteString(r.what + "\n" + hex.Dump(r.data) + "\n")
	}
	file := filepath.Join("testdata", "rate.txt")
	if *update {
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLimit(t *testing.T) {
	rate := &spec.Rate{In: 1_000_000}
	ports := []spec.Port{{HostPort: 8080, ContainerPort: 80, Range: 1, Protocol: spec.TCP}}
	p, err := NewPlan(ModeSlirp4netns, nil, ports, host(ModeSlirp4netns))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Limit(rate, nil); err != nil || p.Handler != handlerProgram || p.Rate != rate || !strings.Contains(strings.Join(p.Args, " "), "--api-socket") {
		t.Errorf("%v %+v", err, p)
	}
	explicit := []string{"port_handler=rootlesskit"}
	if p, err = NewPlan(ModeSlirp4netns, explicit, ports, host(ModeSlirp4netns)); err != nil {
		t.Fatal(err)
	}
	if err := p.Limit(rate, explicit); !errors.Is(err, errs.ErrInvalid) || !strings.Contains(errs.Hint(err), "pasta") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	if err := p.Limit(nil, explicit); err != nil || p.Handler != handlerOwn {
		t.Errorf("%v %+v", err, p)
	}
}
