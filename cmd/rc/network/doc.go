// Package network has the verbs of rc network: bridge networks.
package network
