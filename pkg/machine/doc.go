// Package machine has facts about the machine that rc is on which are nobody else's: which
// distribution it has, programs and their versions, file systems, sysctls. It decides nothing: rc info
// shows them, and rc doctor judges.
package machine
