// Command bench compares rc with other container starters on this machine, in one run.
//
// It is started by run.sh, as an unprivileged user in a login session with a user manager.
// Each contender is a command that starts `true` in a container and ends: what is measured is
// the time from fork to the end of wait, on the monotonic clock, of a process with no terminal.
// All contenders of a table run once per round, in a new order each round, so that
// what the machine does meanwhile hits them alike. The table gives minima, medians, ratios of
// the medians, the limit that the project has set itself, and whether it holds.
//
//	run.sh ──(test host: login session)── bench
//	                                        ├── contenders of the session
//	                                        └── systemd-run --user -p Delegate=yes bench -unit
//	                                              └── contenders in a unit of their own; samples as JSON
package main
