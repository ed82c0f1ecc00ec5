package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// forwardWithin is how long slirp4netns may take for an answer: much more than it does.
const forwardWithin = 5 * time.Second

// addForwards publishes ports by slirp4netns itself, through its API socket: slower than
// rc-net's forwarder, but the container sees its clients' addresses.
func addForwards(socket string, ports []spec.Port) error {
	for _, row := range ports {
		for _, p := range row.Single() {
			if err := addForward(socket, p); err != nil {
				return fmt.Errorf("publish %s/%s: %w", p.Host(), p.Protocol, err)
			}
		}
	}
	return nil
}

// addForward is one request of slirp4netns(1)'s API: one object each way on a connection.
func addForward(socket string, p spec.Port) error {
	conn, err := net.DialTimeout("unix", socket, forwardWithin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(forwardWithin)); err != nil {
		return err
	}
	request := map[string]any{"execute": "add_hostfwd", "arguments": map[string]any{
		"proto": p.Protocol, "host_addr": hostIP(p), "host_port": p.HostPort, "guest_port": p.ContainerPort,
	}}
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return err
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		return err
	}
	reply, err := io.ReadAll(io.LimitReader(conn, outputLimit))
	if err != nil {
		return err
	}
	var answer struct {
		Return json.RawMessage
		Error  struct{ Desc string }
	}
	switch err := json.Unmarshal(reply, &answer); {
	case err != nil:
		return fmt.Errorf("slirp4netns: %w", err)
	case answer.Error.Desc != "":
		return errs.WithHint(errors.New("slirp4netns: "+answer.Error.Desc), "the port may have been taken meanwhile: rc ps, ss -ltnup")
	case len(answer.Return) == 0:
		return fmt.Errorf("slirp4netns: %q is no answer", reply)
	}
	return nil
}
