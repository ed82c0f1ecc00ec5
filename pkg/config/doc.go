// Package config turns global flags, environment and configuration files into the one
// Config that a call of rc works with:
//
//	flags > environment > containers.conf and storage.conf > defaults
//
// containers.conf is read from /usr/share/containers, /etc/containers, the home's
// containers directory and their containers.conf.d, each over the ones before it;
// $CONTAINERS_CONF replaces them all and $CONTAINERS_CONF_OVERRIDE is laid over the rest.
// Of storage.conf only mount_program is used: rc's store is its own.
//
// Nothing is written, except that a user without a runtime directory gets one under /tmp.
package config
