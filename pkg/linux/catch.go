package linux

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Catch is signal.Notify, but leaves SIGHUP ignored where whoever started us has it ignored: nohup(1) means what
// it says.
func Catch(c chan<- os.Signal, signals ...os.Signal) {
	for _, s := range signals {
		if s != unix.SIGHUP || !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}
