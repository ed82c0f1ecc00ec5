// Package quadlet has the verbs rc quadlet VERB: flags and output over pkg/quadlet, which makes
// units, and pkg/quadlet/installed, which puts them where systemd reads them.
package quadlet
