// Package ledger keeps dist/release.json: which programs a release consists
// of, what every step read and wrote with SHA-256 hashes, and the facts that
// later steps and people need. It lets the next run see that nothing has changed.
// What one step needs to know of another is in it; the types of such facts are
// those of the step that writes them, so a later step may import an earlier one.
package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"sync"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pinned"
)

// schema is the version of the file format; a ledger of another version is
// ignored as a whole, which makes every step run again.
const schema = 1

// Artifact is one program of the release.
type Artifact struct {
	// ID of the program in the spec, or in the goreleaser configuration.
	ID string `json:"id"`
	// Name of the file, with .exe or .dll.
	Name string `json:"name"`
	// GOOS and GOARCH it is compiled for.
	GOOS   string `json:"goos"`
	GOARCH string `json:"goarch"`
	// Level is the instruction set level that the program demands (GOAMD64),
	// such as v3; empty for the lowest.
	Level string `json:"level,omitempty"`
	// Path of the unsigned program, relative to the project, with slashes.
	Path string `json:"path"`
}

// Key names the artifact in folder names: id_goos_goarch, with the level, if
// any, as in app_windows_amd64v3.
func (a Artifact) Key() string { return a.ID + "_" + a.GOOS + "_" + a.GOARCH + a.Level }

// File names the artifact for people and in folders: id_goos_goarch/name.exe.
func (a Artifact) File() string { return a.Key() + "/" + a.Name }

// Record describes what one unit of a step did when it last succeeded.
type Record struct {
	Step string `json:"step"`
	Unit string `json:"unit"`
	// Config holds the settings that decided the result, as JSON.
	Config json.RawMessage `json:"config"`
	// Inputs and Outputs map paths, relative to the project, to SHA-256.
	Inputs  map[string]string `json:"inputs,omitempty"`
	Outputs map[string]string `json:"outputs,omitempty"`
	// Bound are files that the step judged or listed, with the bytes that it
	// did so for. Every later step reads these bytes and refuses others.
	Bound map[string]pinned.Sum `json:"bound,omitempty"`
	// Facts are what people and later steps want to know: signer, time
	// server, verdict.
	Facts map[string]string `json:"facts,omitempty"`
}

// Ledger is safe for use by several goroutines.
type Ledger struct {
	path string
	mu   sync.Mutex
	data content
}

type content struct {
	Schema    int               `json:"schema"`
	Product   string            `json:"product"`
	Version   string            `json:"version"`
	Test      bool              `json:"test_identity"`
	Artifacts []Artifact        `json:"artifacts"`
	Records   []Record          `json:"records"`
	Shipped   map[string]string `json:"shipped,omitempty"`
}

// Open reads the ledger at path. A missing file gives an empty ledger; so does
// one of another schema version. A file that cannot be parsed is an error:
// somebody edited it, and guessing would sign again.
func Open(path string) (*Ledger, error) {
	l := &Ledger{path: path, data: content{Schema: schema}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	var c content
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fault.New(fault.Other, "reading ledger %s: %v", path, err).Hint("delete the file to start the release afresh")
	}
	if c.Schema == schema {
		l.data = c
	}
	return l, nil
}

// SetProduct records what is released. A change of the test flag or version
// touches no record; the records' own hashes decide what runs again.
func (l *Ledger) SetProduct(product, version string, test bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data.Product, l.data.Version, l.data.Test = product, version, test
}

// Artifacts returns the programs of the last build, sorted by key.
func (l *Ledger) Artifacts() []Artifact {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Artifact(nil), l.data.Artifacts...)
}

// SetArtifacts records the programs of a build.
func (l *Ledger) SetArtifacts(as []Artifact) {
	sorted := append([]Artifact(nil), as...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].File() < sorted[j].File() })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data.Artifacts = sorted
}

// Shipped returns the files that are shipped, with their SHA-256.
func (l *Ledger) Shipped() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.data.Shipped)
}

// SetShipped records the files that are shipped.
func (l *Ledger) SetShipped(m map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data.Shipped = m
}

// Record returns the record of a unit, if there is one.
func (l *Ledger) Record(step, unit string) (Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(step, unit); i >= 0 {
		return l.data.Records[i], true
	}
	return Record{}, false
}

// Records returns the records of one step, sorted by unit.
func (l *Ledger) Records(step string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Record
	for _, r := range l.data.Records {
		if r.Step == step {
			out = append(out, r)
		}
	}
	return out
}

// Put stores the record of a unit and writes the file.
func (l *Ledger) Put(r Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(r.Step, r.Unit); i >= 0 {
		l.data.Records[i] = r
	} else {
		l.data.Records = append(l.data.Records, r)
		sort.Slice(l.data.Records, func(i, j int) bool {
			a, b := l.data.Records[i], l.data.Records[j]
			if a.Step != b.Step {
				return a.Step < b.Step
			}
			return a.Unit < b.Unit
		})
	}
	return l.save()
}

// Drop forgets a unit and writes the file.
func (l *Ledger) Drop(step, unit string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.find(step, unit)
	if i < 0 {
		return nil
	}
	l.data.Records = append(l.data.Records[:i], l.data.Records[i+1:]...)
	return l.save()
}

// Owner returns the step that wrote path, or "".
func (l *Ledger) Owner(path string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.data.Records {
		if _, ok := r.Outputs[path]; ok {
			return r.Step
		}
	}
	return ""
}

// Binding is the bytes that a file must have, and the step that recorded them.
type Binding struct {
	Step string
	// Judged is true for bytes that the step judged or listed, false for
	// bytes that it wrote.
	Judged bool
	// Sum of the bytes. Its Size is -1 where the step wrote the file.
	Sum pinned.Sum
}

// Bound returns the bytes that later steps may read at path: those that a step
// judged or listed, else those that a step wrote.
func (l *Ledger) Bound(path string) (Binding, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.data.Records {
		if s, ok := r.Bound[path]; ok {
			return Binding{r.Step, true, s}, true
		}
	}
	return l.wrote(path)
}

// Wrote returns the bytes that a step wrote to path.
func (l *Ledger) Wrote(path string) (Binding, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrote(path)
}

func (l *Ledger) wrote(path string) (Binding, bool) {
	for _, r := range l.data.Records {
		if s, ok := r.Outputs[path]; ok {
			return Binding{r.Step, false, pinned.Sum{Size: -1, SHA256: s}}, true
		}
	}
	return Binding{}, false
}

// Outputs are the paths of all files that steps wrote.
func (l *Ledger) Outputs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, r := range l.data.Records {
		for p := range r.Outputs {
			out = append(out, p)
		}
	}
	return out
}

// Save writes the file atomically. Equal content is not written again.
func (l *Ledger) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.save()
}

func (l *Ledger) find(step, unit string) int {
	for i, r := range l.data.Records {
		if r.Step == step && r.Unit == unit {
			return i
		}
	}
	return -1
}

func (l *Ledger) save() error {
	b, err := printable.JSON(l.data)
	if err != nil {
		return fmt.Errorf("writing ledger: %v", err)
	}
	b = append(b, '\n')
	if old, err := os.ReadFile(l.path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return fmt.Errorf("writing ledger: %w", err)
	}
	return atomicfile.Write(l.path, b, 0o644)
}
