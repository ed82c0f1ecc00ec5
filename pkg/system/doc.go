// Package system is what rc does to everything that it keeps: it says how much disk that
// takes (Usage), removes what is not needed (Prune), finds and mends what is wrong with it
// (Check), fits it to new subordinate ids (Migrate), and takes all of it away (Reset). What one
// container or one image needs is in packages container and image.
package system
