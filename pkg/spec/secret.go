package spec

// Ways in which a container gets a secret (Secret.Type).
const (
	SecretMount = "mount"
	SecretEnv   = "env"
)

// SecretsDir is where secrets are that name no place of their own: podman's and docker's.
const SecretsDir = "/run/secrets"

// Secret is one --secret: which secret a container gets, and how. The secret itself is in no
// record: see package secret.
type Secret struct {
	// Name is the secret's name; as it was parsed, a name or an id.
	Name string `json:"name"`
	ID   string `json:"id"`
	// Type is SecretMount or SecretEnv.
	Type string `json:"type"`
	// Target is a path in the container, or the name of a variable; as it was parsed it may be "",
	// for what goes by the secret's name.
	Target string `json:"target"`
	// UID, GID and Mode are the file's, as the container sees them.
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	Mode uint32 `json:"mode,omitempty"`
}
