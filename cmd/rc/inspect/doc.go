// Package inspect has rc inspect, which is about containers and images alike.
package inspect
