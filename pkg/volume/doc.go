// Package volume keeps volumes: directories with a name and a record, which outlive the
// containers that use them. It knows no containers: who uses a volume, its callers find out
// from the containers' records.
//
//	Data/volumes/<name>/volume.json   spec.Volume
//	                   /_data         what containers see
//	                   /unfilled      no container has used it yet
//	                   /fill          what a container's image has there, being copied
//	                   /unpack        what is being imported
//	                   /import        that, whole, on its way into _data
//	                   /lock          flocked by whoever imports
//	Data/trash/volume-<name>…         what is removed, waiting to be deleted
//
// # Making
//
// A volume is made whole in a directory whose name begins with a dot, which its maker has
// flocked, and renamed: the file system sees to it that one maker gets the name. What a
// killed maker left has no flock: Sweep takes it away.
//
// # Using
//
// Who makes a container has a shared flock on the volume's directory (Hold) until the
// container's record names the volume. Remove takes an exclusive one, then looks at the
// records, and renames the directory into trash/.
//
// # Filling
//
// The first container that uses a volume fills it with what its image has there, and gives
// it that directory's owner and mode; in the default map, where ids are those of the disk:
//
//	flock unfilled          whoever has it fills; it may be gone by then
//	fill/                   emptied, then copied to
//	rename fill to _data    which succeeds only while _data is empty
//	unlink unfilled
//
// Killed at any point, the next container that uses the volume begins again, or finds it filled.
//
// # Importing
//
// An archive is unpacked beside _data, renamed to import when it is whole, and its entries are
// moved into _data. Killed before the rename, nothing has happened; killed after it, the next
// one who uses the volume goes on moving.
package volume
