package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// digester hashes files and remembers the result for one run. A path that has
// been written must be forgotten.
type digester struct {
	abs func(string) string
	mu  sync.Mutex
	sum map[string]*digest
}

// digest is the SHA-256 of one path, computed when it is first needed.
type digest struct {
	do  sync.Once
	sum string
	err error
}

func newDigester(abs func(string) string) *digester {
	return &digester{abs: abs, sum: map[string]*digest{}}
}

// digest returns the SHA-256 of the file at path, or of the sorted names in it
// if it is a folder. A file that does not exist gives "".
func (d *digester) digest(path string) (string, error) {
	d.mu.Lock()
	e := d.sum[path]
	if e == nil {
		e = &digest{}
		d.sum[path] = e
	}
	d.mu.Unlock()
	e.do.Do(func() { e.sum, e.err = digestFile(d.abs(path)) })
	if e.err != nil {
		d.forget(path) // it may be readable the next time
	}
	return e.sum, e.err
}

// ahead hashes the paths on all processors until ctx ends, so that the answers
// are there when they are asked for. Errors are kept for the caller that asks.
func (d *digester) ahead(ctx context.Context, paths []string) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range paths {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			d.digest(p)
			return nil
		})
	}
	g.Wait()
}

func (d *digester) forget(path string) {
	d.mu.Lock()
	delete(d.sum, path)
	d.mu.Unlock()
}

// readSize is where reading from the page cache is fastest; io.Copy's own
// buffer takes a fifth longer.
const readSize = 256 << 10

func digestFile(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if st.IsDir() {
		names, err := f.Readdirnames(-1)
		if err != nil {
			return "", err
		}
		sort.Strings(names)
		io.WriteString(h, strings.Join(names, "\x00"))
	} else if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, make([]byte, min(st.Size()+1, readSize))); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reasonToRun explains why the unit must run, or "" when it is up to date. pending
// maps paths that an earlier step is going to write to that step's name.
func reasonToRun(d *digester, l *ledger.Ledger, stepName string, u step.Unit, pending map[string]string) (string, error) {
	config, err := json.Marshal(u.Config)
	if err != nil {
		return "", fmt.Errorf("recording settings of %s: %v", u.Name, err)
	}
	rec, ok := l.Record(stepName, u.Name)
	if !ok {
		return "not done yet", nil
	}
	if why := changedSettings(rec.Config, config); why != "" {
		return why, nil
	}
	if why, err := changedInputs(d, rec, u, pending); why != "" || err != nil {
		return why, err
	}
	if u.Stale != "" {
		return u.Stale, nil
	}
	return changedOutputs(d, rec)
}

// changedSettings names the settings that differ between two JSON objects.
func changedSettings(old, now json.RawMessage) string {
	var a, b any
	if json.Unmarshal(old, &a) != nil || json.Unmarshal(now, &b) != nil {
		return "settings changed"
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if bytes.Equal(x, y) {
		return ""
	}
	var names []string
	ma, _ := a.(map[string]any)
	mb, _ := b.(map[string]any)
	for k := range union(ma, mb) {
		u, _ := json.Marshal(ma[k])
		v, _ := json.Marshal(mb[k])
		if !bytes.Equal(u, v) {
			names = append(names, k)
		}
	}
	if len(names) == 0 {
		return "settings changed"
	}
	sort.Strings(names)
	return "changed: " + strings.ReplaceAll(strings.Join(names, ", "), "_", " ")
}

func union(ms ...map[string]any) map[string]bool {
	keys := map[string]bool{}
	for _, m := range ms {
		for k := range m {
			keys[k] = true
		}
	}
	return keys
}

func changedInputs(d *digester, rec ledger.Record, u step.Unit, pending map[string]string) (string, error) {
	declared := map[string]bool{}
	for _, in := range u.Inputs {
		declared[in] = true
		if by := pending[in]; by != "" {
			return "after " + by, nil
		}
		if _, ok := rec.Inputs[in]; !ok {
			return in + " is new", nil
		}
	}
	for _, in := range slices.Sorted(maps.Keys(rec.Inputs)) {
		sum, err := d.digest(in)
		if err != nil {
			return "", fmt.Errorf("reading input: %w", err)
		}
		if sum == "" && rec.Inputs[in] != "" {
			return in + " is gone", nil
		}
		if sum != rec.Inputs[in] {
			return in + " changed", nil
		}
	}
	return "", nil
}

func changedOutputs(d *digester, rec ledger.Record) (string, error) {
	for _, out := range slices.Sorted(maps.Keys(rec.Outputs)) {
		sum, err := d.digest(out)
		if err != nil {
			return "", fmt.Errorf("reading output: %w", err)
		}
		if sum == "" {
			return out + " is missing", nil
		}
		if sum != rec.Outputs[out] {
			return out + " was modified after it was written", nil
		}
	}
	return "", nil
}
