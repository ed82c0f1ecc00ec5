package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// A container's bandwidth is limited by a token bucket (tc-tbf(8)) on its interface for what it
// sends. What it receives is handed to an ifb device, which has another one:
//
//	tap0 egress:  tbf out
//	tap0 ingress: u32 match all → mirred redirect → rc-in egress: tbf in
//
// The requests to the kernel are made here: netlink's Go packages cost rc-net more at its start
// than all else that it links.
const (
	inDevice = "rc-in"
	// largestPacket is one of an interface with the largest MTU that the programs set, with its
	// header: a smaller bucket would never let it through.
	largestPacket = 64 << 10
	// queueFor is how long a packet may wait, in milliseconds, on its way out. On the way in nothing
	// should be dropped: pasta of March 2023 takes so long to send it again that the rate falls to a
	// fifth. How much waits is bounded by the receivers' windows.
	queueFor = 200
	inQueue  = 8 << 20
)

// Constants of linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h that x/sys/unix lacks.
const (
	tcaKind, tcaOptions = 1, 2

	tcaTbfParms, tcaTbfRate64, tcaTbfBurst = 1, 4, 6
	linklayerEthernet                      = 1

	handleRoot, handleIngress, majorIngress = 0xffffffff, 0xfffffff1, 0xffff0000
	firstHandle                             = 1 << 16

	tcaU32Sel, tcaU32Act, u32Terminal = 5, 7, 1
	tcaActKind, tcaActOptions         = 1, 2
	tcaMirredParms                    = 2
	actStolen, egressRedirect         = 4, 1
)

// request is a message to the kernel, and what it is good for.
type request struct {
	what string
	data []byte
	// anyway takes this errno for success.
	anyway unix.Errno
}

// limitRate limits an interface of the namespace.
func limitRate(netns *os.File, name string, rate *spec.Rate) error {
	return linux.WithinNet(netns, func() error {
		sock, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer func() { _ = unix.Close(sock) }()
		index, err := indexOf(name)
		if err != nil {
			return err
		}
		if rate.Out != 0 {
			if err := tell(sock, tokenBucket("limit what the container sends", index, rate.Out, rate.Burst, 0)); err != nil {
				return err
			}
		}
		if rate.In == 0 {
			return nil
		}
		if err := tell(sock, newIfb(inDevice)); err != nil {
			return err
		}
		in, err := indexOf(inDevice)
		if err != nil {
			return err
		}
		for _, r := range []request{
			tokenBucket("limit what the container receives", in, rate.In, rate.Burst, inQueue), ingress(index), redirect(index, in),
		} {
			if err := tell(sock, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func indexOf(name string) (uint32, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("network rate: interface %q: %w", name, err)
	}
	return uint32(i.Index), nil
}

// tell sends a request and waits for the kernel's answer, which it has at once.
func tell(sock int, r request) error {
	err := unix.Sendto(sock, r.data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	buf := make([]byte, 4096)
	n := 0
	if err == nil {
		n, _, err = unix.Recvfrom(sock, buf, 0)
	}
	if err == nil && n >= unix.SizeofNlMsghdr+4 {
		if code := int32(binary.NativeEndian.Uint32(buf[unix.SizeofNlMsghdr:])); code != 0 && unix.Errno(-code) != r.anyway {
			err = unix.Errno(-code)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP):
		return errs.WithHint(fmt.Errorf("network rate: %s: this kernel lacks what that needs: %w", r.what, err),
			"sudo modprobe -a sch_tbf sch_ingress ifb cls_u32 act_mirred (for good: a file in /etc/modules-load.d), or leave --network-rate out")
	}
	return fmt.Errorf("network rate: %s: %w", r.what, err)
}

// tokenBucket is the qdisc of an interface, whose queue has a size at least. A rate is in bits per
// second.
func tokenBucket(what string, index uint32, rate, burst, queue uint64) request {
	bytes := rate / 8
	if burst == 0 {
		burst = max(2*largestPacket, bytes/100)
	}
	limit := burst + max(bytes*queueFor/1000, 2*largestPacket, queue)
	var parms, bucket, rate64 attributes
	parms.bytes(0, linklayerEthernet, 0, 0, 0, 0, 0, 0) // tc_ratespec
	parms.u32(uint32(min(bytes, 1<<32-1)))
	parms.bytes(make([]byte, 12)...) // no rate of peaks
	parms.u32(uint32(min(limit, 1<<32-1)))
	parms.u32(0) // a bucket in ticks: tcaTbfBurst has it in bytes
	parms.u32(0)
	bucket.add(tcaTbfParms, parms)
	if bytes >= 1<<32 {
		rate64.u64(bytes)
		bucket.add(tcaTbfRate64, rate64)
	}
	var size attributes
	size.u32(uint32(burst))
	bucket.add(tcaTbfBurst, size)
	body := trafficControl(index, firstHandle, handleRoot, 0)
	body.text(tcaKind, "tbf")
	body.add(tcaOptions, bucket)
	return message(what, unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body)
}

func newIfb(name string) request {
	var kind, body attributes
	kind.text(unix.IFLA_INFO_KIND, "ifb")
	body.bytes(unix.AF_UNSPEC, 0, 0, 0)
	body.u32(0)
	body.u32(unix.IFF_UP)
	body.u32(unix.IFF_UP)
	body.text(unix.IFLA_IFNAME, name)
	body.add(unix.IFLA_LINKINFO, kind)
	r := message("make an ifb device", unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
	r.anyway = unix.EEXIST // from before the helper was started anew
	return r
}

func ingress(index uint32) request {
	body := trafficControl(index, majorIngress, handleIngress, 0)
	body.text(tcaKind, "ingress")
	return message("look at what comes in", unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body)
}

// redirect hands all that comes in to another interface.
func redirect(from, to uint32) request {
	const first, all = 1 << 16, unix.ETH_P_ALL << 8 // big-endian
	var sel, parms, options, action, actions, filter attributes
	sel.bytes(u32Terminal, 0, 1, 0)                                         // one key
	sel.bytes(make([]byte, 12+16)...)                                       // which matches everything
	for _, v := range []uint32{0, 0, actStolen, 0, 0, egressRedirect, to} { // tc_mirred
		parms.u32(v)
	}
	options.add(tcaMirredParms, parms)
	action.text(tcaActKind, "mirred")
	action.add(tcaActOptions, options)
	actions.add(1, action)
	filter.add(tcaU32Sel, sel)
	filter.add(tcaU32Act, actions)
	body := trafficControl(from, 0, majorIngress, first|all)
	body.text(tcaKind, "u32")
	body.add(tcaOptions, filter)
	return message("redirect what comes in", unix.RTM_NEWTFILTER, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

// trafficControl is struct tcmsg.
func trafficControl(index, handle, parent, info uint32) attributes {
	var a attributes
	a.bytes(unix.AF_UNSPEC, 0, 0, 0)
	for _, v := range []uint32{index, handle, parent, info} {
		a.u32(v)
	}
	return a
}

func message(what string, kind, flags uint16, body attributes) request {
	var a attributes
	a.u32(uint32(unix.SizeofNlMsghdr + len(body)))
	a = binary.NativeEndian.AppendUint16(a, kind)
	a = binary.NativeEndian.AppendUint16(a, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	a.u32(1) // sequence
	a.u32(0)
	return request{what: what, data: append(a, body...)}
}

// attributes are the body of a netlink message, or of an attribute with others in it.
type attributes []byte

func (a *attributes) bytes(b ...byte) { *a = append(*a, b...) }
func (a *attributes) u32(v uint32)    { *a = binary.NativeEndian.AppendUint32(*a, v) }
func (a *attributes) u64(v uint64)    { *a = binary.NativeEndian.AppendUint64(*a, v) }

// add appends an attribute, padded to four bytes.
func (a *attributes) add(kind uint16, value attributes) {
	*a = binary.NativeEndian.AppendUint16(*a, uint16(unix.SizeofRtAttr+len(value)))
	*a = binary.NativeEndian.AppendUint16(*a, kind)
	*a = append(*a, value...)
	for len(*a)%4 != 0 {
		*a = append(*a, 0)
	}
}

func (a *attributes) text(kind uint16, value string) { a.add(kind, append([]byte(value), 0)) }
