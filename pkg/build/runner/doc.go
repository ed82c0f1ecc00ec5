// Package runner runs the commands of a build's RUN, on the host: it makes a container of what the worker asks for and of
// what the user gave for all of them, and has package container run it.
//
//	build.Run            layers, directory for what is written, command, environment, mounts
//	Options              limits, capabilities, devices, networks, names; secrets and agents, which the worker never sees
//	    └─▶ container.Step ─▶ container.Steps.Run
//
// Isolation is rc run's. The network is the first of: RUN --network, --network, the configuration's.
//
// As in docker's builds the container is called buildkitsandbox, its environment is that of the Dockerfile with HOME and nothing
// else, and /etc/hosts and /etc/resolv.conf are mounted. Mount points are below the image's layers, so that they do not get
// into the new one.
package runner
