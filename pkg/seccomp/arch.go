package seccomp

import (
	"slices"
	"strings"
)

//go:generate go run internal/gen/main.go

// Columns of the table, one per numbering of system calls.
const (
	colAMD64 = iota
	colX32
	col386
	colARM64
	colARM
	columns
)

// syscallRow is one system call and its numbers; -1 where an architecture lacks it.
type syscallRow struct {
	name string
	nr   [columns]int32
}

// x32Bit marks the number of an x32 call: __X32_SYSCALL_BIT of asm/unistd.h.
const x32Bit = 0x40000000

// AUDIT_ARCH_… of linux/audit.h: what the kernel writes into seccomp_data.arch.
const (
	auditAMD64 = 0xc000003e
	audit386   = 0x40000003
	auditARM64 = 0xc00000b7
	auditARM   = 0x40000028
)

// An abi is one way in which a program can call the kernel.
type abi struct {
	name   string // as profiles write it: SCMP_ARCH_…
	column int
	audit  uint32
	// wide says that arguments are compared as 64 bits. x32 passes 32-bit arguments in
	// 64-bit registers, and libseccomp compares 32.
	wide bool
}

// native lists the ABIs of a machine of the given GOARCH, its own first.
func native(goarch string) []abi {
	switch goarch {
	case "amd64":
		return []abi{
			{"SCMP_ARCH_X86_64", colAMD64, auditAMD64, true},
			{"SCMP_ARCH_X32", colX32, auditAMD64, false},
			{"SCMP_ARCH_X86", col386, audit386, false},
		}
	case "arm64":
		return []abi{
			{"SCMP_ARCH_AARCH64", colARM64, auditARM64, true},
			{"SCMP_ARCH_ARM", colARM, auditARM, false},
		}
	}
	return nil
}

// knownArch reports whether a profile may name the architecture: seccomp(3) of libseccomp
// and runtime-spec's list. Those that this machine cannot execute need no code.
func knownArch(name string) bool {
	return slices.Contains([]string{
		"SCMP_ARCH_NATIVE", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
		"SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
		"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
		"SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
		"SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
		"SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
	}, name)
}

// number finds a system call by name.
func number(name string, column int) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(table[:], name, func(r syscallRow, n string) int {
		return strings.Compare(r.name, n)
	})
	if !ok || table[i].nr[column] < 0 {
		return 0, false
	}
	return uint32(table[i].nr[column]), true
}

// A multiplexed call is one that old 32-bit x86 programs reach through socketcall(2) or
// ipc(2), whose first argument says which is meant (linux/net.h, linux/ipc.h).
type multiplexed struct {
	name string
	via  string
	op   uint64
}

// demux finds how 32-bit x86 reaches a call through a multiplexer.
func demux(name string) (multiplexed, bool) {
	i := slices.IndexFunc(multiplexedCalls[:], func(m multiplexed) bool { return m.name == name })
	if i < 0 {
		return multiplexed{}, false
	}
	return multiplexedCalls[i], true
}

var multiplexedCalls = [...]multiplexed{
	{"socket", "socketcall", 1},
	{"bind", "socketcall", 2},
	{"connect", "socketcall", 3},
	{"listen", "socketcall", 4},
	{"accept", "socketcall", 5},
	{"getsockname", "socketcall", 6},
	{"getpeername", "socketcall", 7},
	{"socketpair", "socketcall", 8},
	{"send", "socketcall", 9},
	{"recv", "socketcall", 10},
	{"sendto", "socketcall", 11},
	{"recvfrom", "socketcall", 12},
	{"shutdown", "socketcall", 13},
	{"setsockopt", "socketcall", 14},
	{"getsockopt", "socketcall", 15},
	{"sendmsg", "socketcall", 16},
	{"recvmsg", "socketcall", 17},
	{"accept4", "socketcall", 18},
	{"recvmmsg", "socketcall", 19},
	{"sendmmsg", "socketcall", 20},
	{"semop", "ipc", 1},
	{"semget", "ipc", 2},
	{"semctl", "ipc", 3},
	{"semtimedop", "ipc", 4},
	{"msgsnd", "ipc", 11},
	{"msgrcv", "ipc", 12},
	{"msgget", "ipc", 13},
	{"msgctl", "ipc", 14},
	{"shmat", "ipc", 21},
	{"shmdt", "ipc", 22},
	{"shmget", "ipc", 23},
	{"shmctl", "ipc", 24},
}
