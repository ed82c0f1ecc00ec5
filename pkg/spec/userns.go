package spec

// The modes of --userns, as Userns.Mode has them.
const (
	UsernsHost      = "host"      // "" too: the default map alone
	UsernsKeepID    = "keep-id"   // the caller has its own number inside
	UsernsNoMap     = "nomap"     // the caller has none
	UsernsAuto      = "auto"      // ids that no other such container has
	UsernsPrivate   = "private"   // as --uidmap and the like say
	UsernsContainer = "container" // another container's
)

// Userns says which user namespace a container has.
type Userns struct {
	Mode string `json:"mode,omitempty"`
	// Container is the one that is joined: its name or id, as given, and its id on record.
	Container string `json:"container,omitempty"`
	// UID and GID are what keep-id makes of the caller's; nil is the same.
	UID *uint32 `json:"uid,omitempty"`
	GID *uint32 `json:"gid,omitempty"`
	// Size is how many ids there are: 0 is all of them, for auto as many as the image needs.
	Size uint32 `json:"size,omitempty"`
	// UIDMaps and GIDMaps are what auto maps besides.
	UIDMaps []IDMapping `json:"uidMaps,omitempty"`
	GIDMaps []IDMapping `json:"gidMaps,omitempty"`
}

// IDMapping is one range of --uidmap or --gidmap.
type IDMapping struct {
	Container uint32 `json:"container"`
	// From is an id of the default map, where 0 is the caller, or, with Host, one of the host.
	From uint32 `json:"from"`
	Host bool   `json:"host,omitempty"`
	Size uint32 `json:"size"`
	// Extend lays it over all other ids, which are mapped as themselves, in place of mapping nothing else.
	Extend bool `json:"-"`
	// UIDs and GIDs say that it is for these only; neither is as the flag has it.
	UIDs bool `json:"-"`
	GIDs bool `json:"-"`
}
