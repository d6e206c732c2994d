package rules

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// ScanOptions say what to look at and how.
type ScanOptions struct {
	// Shard is the part of the files to look at; the zero value is all of them.
	Shard Shard
	// Workers is how many files are read at once; 0 is one for each processor.
	Workers int
	// Progress, if set, is called from one goroutine after every file.
	Progress func(Progress)
}

// Progress says how far a scan is. The number of files to come is not known.
type Progress struct {
	Files      int   // looked at so far
	Unreadable int   // of these
	Skipped    int   // of a kind that App Control does not check
	Bytes      int64 // read so far
	Path       string
}

// Summary is the result of a scan besides the files.
type Summary struct {
	Files      int   `json:"files"`
	Unreadable int   `json:"unreadable"`
	Skipped    int   `json:"skipped"`
	Bytes      int64 `json:"bytes"`
	// Links found below the folder, to files and to folders, and not followed.
	Links int `json:"links,omitempty"`
}

// scripts are the kinds of files besides PE that App Control checks (Microsoft
// Learn, "Script enforcement with App Control"): Windows Script Host, PowerShell
// and Windows Installer.
var scripts = map[string]bool{
	".js": true, ".jse": true, ".vbs": true, ".vbe": true, ".wsf": true, ".wsc": true, ".wsh": true,
	".ps1": true, ".psm1": true, ".psd1": true, ".ps1xml": true, ".cdxml": true, ".pssc": true,
	".msi": true, ".msp": true, ".mst": true,
}

// Scan looks at the files below a folder and hands each that App Control checks to
// emit, in the order of their paths within each folder. Files are read in parallel and
// in pieces; memory does not depend on their number or size. A file or folder that
// cannot be read is handed over with its Error set. The root may be a link; links below
// it are counted and not followed. Emit is called from one goroutine; its error ends
// the scan.
func Scan(ctx context.Context, root string, o ScanOptions, emit func(File) error) (Summary, error) {
	if err := o.Shard.check(); err != nil {
		return Summary{}, err
	}
	if st, err := os.Stat(root); err != nil {
		return Summary{}, err
	} else if !st.IsDir() {
		return Summary{}, fmt.Errorf("%s is not a folder", root)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := scanner{root: root, opts: o}
	if s.opts.Workers <= 0 {
		s.opts.Workers = runtime.GOMAXPROCS(0)
	}
	return s.run(ctx, cancel, emit)
}

type scanner struct {
	root string
	opts ScanOptions
}

// job is a file that is being looked at. Results are taken in the order of jobs,
// so the output does not depend on the number of workers.
type job struct {
	path string // relative, with slashes
	err  error  // from walking
	kind fs.FileMode
	done chan result
}

type result struct {
	file    File
	skipped bool
	link    bool
	err     error // the scan as a whole fails
}

func (s *scanner) run(ctx context.Context, cancel func(), emit func(File) error) (Summary, error) {
	// The queue bounds how many results wait for a slow file ahead of them.
	queue := make(chan *job, 16*s.opts.Workers)
	work := make(chan *job)
	var walkErr error
	go func() {
		defer close(queue)
		defer close(work)
		walkErr = s.walk(ctx, queue, work)
	}()
	var workers sync.WaitGroup
	for range s.opts.Workers {
		workers.Go(func() {
			for j := range work {
				j.done <- s.look(ctx, j)
			}
		})
	}
	summary, err := s.collect(queue, emit)
	cancel()
	for range queue { // let the walker end
	}
	workers.Wait()
	if err == nil && walkErr != nil {
		err = walkErr
	}
	return summary, err
}

func (s *scanner) walk(ctx context.Context, queue, work chan<- *job) error {
	// With the separator a root that is a link, or a junction of Windows, is
	// followed: filepath.WalkDir looks at the root itself otherwise.
	root := strings.TrimRightFunc(s.root, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) }) + string(filepath.Separator)
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(s.root, name)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		if err == nil && d.IsDir() || !s.opts.Shard.has(rel) {
			return nil
		}
		j := &job{path: rel, err: err, done: make(chan result, 1)}
		if err == nil {
			j.kind = d.Type()
		}
		select {
		case queue <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case work <- j:
		case <-ctx.Done():
			j.done <- result{err: ctx.Err()}
			return ctx.Err()
		}
		return nil
	})
}

// look inspects one file. PE files are known by their contents, everything else
// by its extension.
func (s *scanner) look(ctx context.Context, j *job) result {
	if j.err != nil {
		return result{file: File{Path: j.path, Error: reason(j.err)}}
	}
	name := filepath.Join(s.root, filepath.FromSlash(j.path))
	switch {
	case j.kind&fs.ModeSymlink != 0 || j.kind&fs.ModeIrregular != 0 && isFolder(name): // a junction is irregular
		return result{link: true}
	case j.kind&^fs.ModeIrregular != 0:
		return result{skipped: true}
	}
	if !scripts[strings.ToLower(filepath.Ext(name))] {
		mz, err := beginsMZ(name)
		if err != nil {
			return result{file: File{Path: j.path, Error: reason(err)}}
		}
		if !mz {
			return result{skipped: true}
		}
	}
	f, err := InspectFile(ctx, name, j.path)
	if ctx.Err() != nil {
		return result{err: ctx.Err()}
	}
	if err != nil {
		return result{file: File{Path: j.path, Error: reason(err)}}
	}
	return result{file: f}
}

func isFolder(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// reason leaves out the path, which differs between machines.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Op + ": " + pathErr.Err.Error()
	}
	return err.Error()
}

// beginsMZ reports whether a file begins like a PE file.
func beginsMZ(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var b [2]byte
	_, err = io.ReadFull(f, b[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return false, nil
	}
	return string(b[:]) == "MZ", err
}

func (s *scanner) collect(queue <-chan *job, emit func(File) error) (Summary, error) {
	var sum Summary
	for j := range queue {
		r := <-j.done
		switch {
		case r.err != nil:
			return sum, r.err
		case r.link:
			sum.Links++
		case r.skipped:
			sum.Skipped++
		default:
			sum.Files++
			sum.Bytes += r.file.Size
			if r.file.Error != "" {
				sum.Unreadable++
			}
			if err := emit(r.file); err != nil {
				return sum, err
			}
		}
		if s.opts.Progress != nil {
			s.opts.Progress(Progress{Files: sum.Files, Unreadable: sum.Unreadable, Skipped: sum.Skipped, Bytes: sum.Bytes, Path: j.path})
		}
	}
	return sum, nil
}

// Shard is part Index of Count parts of a scan, Index counting from 1. The zero
// value is the whole.
type Shard struct {
	Index, Count int
}

// ParseShard reads the form 2/8. "" is the whole.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	var s Shard
	var rest string
	if n, _ := fmt.Sscanf(text, "%d/%d%s", &s.Index, &s.Count, &rest); n != 2 || s.Count < 1 {
		return Shard{}, fmt.Errorf("%q is not a shard: use part/parts, such as 2/8", text)
	}
	return s, s.check()
}

func (s Shard) check() error {
	if s == (Shard{}) || s.Count >= 1 && s.Index >= 1 && s.Index <= s.Count {
		return nil
	}
	return fmt.Errorf("shard %d/%d: parts count from 1 to the number of parts", s.Index, s.Count)
}

// has says whether a path belongs to the shard. It depends on the path alone, so
// shards agree without knowing one another.
func (s Shard) has(path string) bool {
	if s.Count <= 1 {
		return true
	}
	h := fnv.New32a()
	h.Write([]byte(path))
	return int(h.Sum32()%uint32(s.Count)) == s.Index-1
}

// Checked reports whether App Control checks a file: a PE by its contents, a
// script or installer by its extension. A file that cannot be opened counts as
// checked, so that the next reader meets the error.
func Checked(name string) bool {
	if scripts[strings.ToLower(filepath.Ext(name))] {
		return true
	}
	mz, err := beginsMZ(name)
	return mz || err != nil
}
