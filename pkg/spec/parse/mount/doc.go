// Package mount reads the flags that mount something: --mount, -v, --tmpfs and --volumes-from.
package mount
