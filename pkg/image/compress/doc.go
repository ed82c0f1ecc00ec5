// Package compress makes compressed layers. A recipe is one exact way to do so: the same recipe gives
// the same bytes of the same archive each time. The recipes that the world uses are known here, so that
// an image which was pulled can be pushed again with its digest: a registry's blob is what one of them makes
// of the layer's archive, or it is not made anew at all (package export). What is compressed is
// read by what it begins with.
package compress
