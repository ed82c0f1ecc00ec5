// Package errs holds what every other package needs to speak about failure:
// sentinels that callers test with errors.Is, the exit codes of the field, and
// hints, the lines that tell a user the way out. It prints nothing; only main does.
package errs
