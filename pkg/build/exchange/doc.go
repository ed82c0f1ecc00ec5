// Package exchange is the format of a build cache that leaves the machine: rc build --cache-to writes it, --cache-from
// reads it. It is an OCI image manifest: its layers are those of steps, as images have them, its configuration says
// which step each is of.
//
//	manifest   artifactType ArtifactType; config of type ConfigType; layers
//	config     Config: version, and for each step its key, the layer below, the layer's number and digest
//
// In a registry it has the name that was given; in a directory, which is an OCI image layout, it is the manifest of that
// artifactType in index.json. BuildKit's own format is another one: its keys are those of its own graph.
//
// Nothing in it is believed without its digest: a configuration or a layer that is another one is not used.
package exchange
