// Package secret keeps the user's secrets: small pieces of data with a name, which containers get
// as files or variables (spec.Secret), and which are in no image and no record. Who may read them
// is the file system's matter; nothing is encrypted.
//
//	secrets/                      0700
//	secrets/<name>/secret.json    0600: id, times, labels
//	secrets/<name>/data           0600: the secret itself
//	secrets/.new-*/               one that is being made, or replaced
//
// The directory is the database, and it needs no lock. A secret is made as a whole in a directory
// of its own, which is then renamed to the secret's name: rename(2) makes one caller the first
// where several want the name. It is replaced by an exchange of the two names, and removed by
// renaming it away. What a killed call leaves begins with ".new-" and has a free flock: the next
// call that changes something takes it away. A name that begins with a dot is stored with %2E
// for it.
//
// A container keeps what it was made with, as in podman: the data is never written again once it
// is there, and the container has a hard link to it. So neither the removal of a secret nor
// another one of that name changes a container that is there, also after a reboot.
package secret
