// Command rc-image works on the image store for rc: see pkg/image/worker, for builds pkg/build/worker, and
// pkg/build/fetch and pkg/build/agent, which are the parts of it that run on the host. It is started by rc, never by hand.
package main

import (
	"os"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/agent"
	"github.com/rc-containers/rc/pkg/build/fetch"
	"github.com/rc-containers/rc/pkg/build/origin"
	builds "github.com/rc-containers/rc/pkg/build/worker"
	"github.com/rc-containers/rc/pkg/image/worker"
)

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == origin.Word:
		os.Exit(fetch.Main(os.Args[2]))
	case len(os.Args) == 2 && os.Args[1] == build.Word:
		os.Exit(builds.Main())
	case len(os.Args) > 2 && os.Args[1] == build.AgentWord:
		os.Exit(agent.Main(os.Args[2:]))
	}
	os.Exit(worker.Main())
}
