// Package seccomp compiles seccomp profiles in docker's JSON format into programs that
// seccomp(2) loads: an array of struct sock_filter. It does not load them; the init child
// does, as its last act before execve.
//
//	Default, Parse  profile as data
//	Compile         profile + architecture, capabilities, kernel -> program
//	Cached          the same from a file that an earlier call left, without any profile
//
// What a program does, in the order in which it asks:
//
//	arch         not one of the profile's           -> KILL_THREAD
//	number       binary search over ranges of numbers with one verdict each
//	arguments    the rules of that number, one after another; none matches -> default action
//
// The meaning of a profile is that which docker and podman get out of libseccomp:
//
//   - A rule without conditions beats those with conditions, the first such rule wins; rules
//     that say what the default action says do not count.
//   - Of the rules with conditions, those with more exact comparisons (SCMP_CMP_EQ) are asked
//     first, else in the order listed.
//   - All conditions of a rule must hold, but where a rule has several conditions on one
//     argument each condition is a rule of its own (opencontainers/runc#2735).
//   - Names of system calls that are unknown here are skipped. Where the default action is
//     an error, numbers above all those that the profile names, and above those that Linux
//     5.1 had, give ENOSYS, so that programs fall back from calls that the profile's author
//     could not know.
//   - 32-bit x86 reaches sockets and System V IPC through socketcall(2) and ipc(2) too: a rule
//     for socket(2) covers both ways. Conditions are behind a pointer there, so a
//     conditional denial denies the call whole and a conditional permission gives nothing.
//   - Arguments are 64 bits wide on 64-bit architectures; of a 32-bit one (and of x32) both
//     sides are cut to 32 bits.
package seccomp
