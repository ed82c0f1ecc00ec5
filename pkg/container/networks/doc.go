// Package networks is what rc network does where containers are concerned: who is on a network,
// and its removal.
package networks
