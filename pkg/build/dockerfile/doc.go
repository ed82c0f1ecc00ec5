// Package dockerfile reads Dockerfiles: BuildKit's parser takes the text apart, this package says what it means.
// It touches no store, no network and no file but the text that it is given.
//
//	Parse        text → File: stages and their instructions, or errors with line, column and the nearest valid word
//	File.Plan    → Plan: the stages that the target needs, what each is made from and which others it reads;
//	             FROM is expanded, unknown and cyclic references are refused
//	Stage.Begin  with the configuration of the base → Steps, which gives one Step after the other: everything expanded
//	             (ARG, ENV, the predefined arguments), with the configuration of the image after it
package dockerfile
