// Package selection is how a verb is told which containers it is to work on: by names and ids,
// --all, --latest, --filter or --cidfile. Find finds them, and Each works on all of them
// side by side, prints those that it was done to, and tells what went wrong.
package selection
