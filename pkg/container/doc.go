// Package container makes, runs and starts containers, and the steps of builds. It joins
// what the packages below it can do, and knows neither flags nor output: command line,
// API and units are front doors onto it.
//
// A container begins as data, see package create. Run records it and takes it through its
// life in the foreground, see Run and package shim.
package container
