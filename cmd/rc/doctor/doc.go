// Package doctor is rc doctor: what package doctor finds, for people and for scripts.
package doctor
