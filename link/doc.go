// Package link is what all outward connections of the gateway have in common.
package link
