// Package layertest holds the test that keeps imports pointing downwards:
// targets, then internal, then formats.
package layertest
