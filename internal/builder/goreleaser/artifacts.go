package goreleaser

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// maxArtifacts bounds goreleaser's artifacts.json, in bytes.
const maxArtifacts = 16 << 20

// entry is one element of artifacts.json.
type entry struct {
	Name   string
	Path   string
	GOOS   string
	GOARCH string
	// GOAMD64 is the instruction set level, such as v1.
	GOAMD64 string
	Type    string
	Extra   struct{ ID string }
}

// readArtifacts returns the Windows programs that goreleaser lists. Paths in
// the file are relative to root, where goreleaser ran. The order of the file
// varies from run to run; the result is sorted.
func readArtifacts(path, root string) ([]builder.Artifact, error) {
	b, err := readBounded(path, maxArtifacts)
	if err != nil {
		return nil, fmt.Errorf("reading goreleaser's results: %w", err)
	}
	var entries []entry
	if err := json.Unmarshal(b, &entries); err != nil {
		return nil, fmt.Errorf("reading goreleaser's results in %s: %v", path, err)
	}
	var made []builder.Artifact
	for _, e := range entries {
		if !e.program() {
			continue
		}
		if err := plain(e); err != nil {
			return nil, err
		}
		made = append(made, builder.Artifact{ID: e.Extra.ID, Name: base(e.Name), GOOS: e.GOOS, GOARCH: e.GOARCH, Level: strings.TrimPrefix(e.GOAMD64, "v1"), Path: resolve(root, e.Path)})
	}
	if len(made) == 0 {
		return nil, fault.New(fault.Usage, "goreleaser built no program for Windows").
			Hint("add windows to goos (or windows_amd64 to targets) in your goreleaser configuration")
	}
	builder.Sort(made)
	return made, nil
}

// program reports whether the entry is a program or a DLL for Windows. The C
// header of a DLL is listed too.
func (e entry) program() bool {
	return e.GOOS == "windows" && (e.Type == "Binary" || e.Type == "C Shared Library" && strings.HasSuffix(e.Name, ".dll"))
}

// plain refuses names that would leave the output folder.
func plain(e entry) error {
	for _, s := range []string{e.Extra.ID, base(e.Name), e.GOARCH + e.GOAMD64} {
		if s == "" || s == "." || s == ".." || strings.ContainsAny(s, `/\:`) {
			return fmt.Errorf("goreleaser's results name %q, which cannot be part of a file name", s)
		}
	}
	return nil
}

// base is the last element: binary: in a configuration may hold folders.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
