// Package complete has what a shell is offered as the values of flags. A flag goes by its name:
// --authfile is a file wherever it is, --memory a text that nobody can guess. A verb whose flag
// means something else registers a completion of its own, which counts.
//
// A shell asks at each press of a key, so that what is here reads a directory or two and no more.
package complete
