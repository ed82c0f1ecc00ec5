// Package transport reads and writes images in files: the archives of docker save (docker-archive:), archives and directories
// in OCI's layout (oci-archive:, oci:), and directories of loose blobs (dir:), as containers-transports(5) has them.
//
// What is read is not trusted: members and files are found by the names in manifests, below the archive or the directory and
// nowhere else; small parts are verified here, layers by who reads them.
//
// What is written depends on the image alone: names, order and dates are the same each time. A file or a directory
// is there whole, under its name, or not at all; a killed process leaves at most .NAME.rc-* beside it. Only oci: adds to
// a directory that there is: there the index comes last.
package transport
