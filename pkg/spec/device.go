package spec

// Device is one --device: a node of the host, or a directory of such, shown to the container; or
// the name of a CDI device, which has all else.
type Device struct {
	CDI       string // vendor.com/class=name, or ""
	Host      string
	Container string
	Perms     string // of r, w and m
}
