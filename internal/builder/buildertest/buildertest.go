// Package buildertest makes small modules for the tests of the builders.
package buildertest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Main is a program that needs nothing but the runtime, so it compiles fast.
const Main = "package main\n\nvar version = \"unset\"\n\nfunc main() { println(version) }\n"

// Module writes a module with a program in cmd/app and a library in lib, then
// files (path to content), and returns its folder.
func Module(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"go.mod":          "module example.test/app\n\ngo 1.26\n",
		"cmd/app/main.go": Main,
		"lib/lib.go":      "package lib\n",
	}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		Write(t, filepath.Join(root, filepath.FromSlash(name)), content)
	}
	return root
}

// Write writes one file and the folders above it.
func Write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Request asks for the program of Module, for windows/amd64.
func Request(t testing.TB, root string) builder.Request {
	t.Helper()
	return builder.Request{
		Root: root,
		Out:  filepath.Join(root, "dist", "build"),
		Spec: &spec.Build{
			Binaries: []spec.Binary{{ID: "app", Main: "./cmd/app", Name: "app"}},
			Targets:  []string{"windows/amd64"},
			LDFlags:  []string{"-s", "-w"},
			VCS:      "off",
		},
		Project:   &spec.Project{Name: "app"},
		Version:   "1.2.3-marker",
		Variables: map[string]string{"main.version": "1.2.3-marker"},
		Date:      time.Unix(1_700_000_000, 0),
	}
}

// Program is the least that passes for a PE file: a DOS header that points to
// a COFF header without sections (PE format, "MS-DOS Stub", "COFF File
// Header").
func Program(machine uint16) []byte {
	b := make([]byte, 0x60)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x40)
	copy(b[0x40:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x44:], machine)
	return b
}
