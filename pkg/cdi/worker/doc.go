// Package worker is rc-cdi: it reads the files of the Container Device Interface. It changes nothing.
package worker
