// Package build compares images that rc builds with those of buildah, file by file and field by field.
//
// corpus/*.txtar are groups of Dockerfiles of our own. In an archive, "ctx/" is the context that they share, "setup" a
// shell script that is run in the directory above it for what an archive cannot hold. A case NAME is
//
//	NAME/Dockerfile
//	NAME/args        flags for both, a line each
//	NAME/rc.args     flags for rc alone, and NAME/buildah.args
//	NAME/context     the context, where it is not ctx: a directory of the archive
//	NAME/base        a Dockerfile of which localhost/NAME-base is made first
//	NAME/image       facts that rc's image must have: FACT = VALUE, FACT ~ REGEXP, or no FACT (-show prints them)
//	NAME/alone       why buildah is not asked: it is too old for this; NAME/image says what docker makes of it
//	NAME/fails       a regular expression: rc refuses the build with this
//	NAME/differs     accepted differences: WHAT: REASON, in favour of docker's behaviour
//
// What may differ everywhere is in accepted (differ_test.go). With -peers=false only rc builds.
package build
