// Package records is where the records of containers, volumes and networks of a user are, and how
// containers are listed by them: filters, order, what their state is called, which of them share a network. It
// changes nothing, but for notes in the journal of events; what is done to containers is in lifecycle.
package records
