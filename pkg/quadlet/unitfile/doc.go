// Package unitfile reads and writes files in the format of systemd.syntax(7): sections of
// KEY=VALUE, each with the line that it came from. It knows the format and nothing of what the
// keys mean: repeated keys, empty assignments that undo them, continued lines, quoted words.
//
// Like systemd, it puts a space in the place of a backslash and the line's end, unless there is one
// already; unlike systemd, which goes on with a warning, it refuses lines that are neither.
package unitfile
