// Package arch has no code: its tests hold the architecture. Imports point down, heavy
// modules stay where they belong, and what a program links may not slow its start.
package arch
