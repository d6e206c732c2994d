package rules

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Records of a scan are JSON lines: a line that says what follows, one line for
// each file, and a line that closes, so that a file that was cut off is noticed.

const recordFormat = "hallmark-scan-1"

type recordHead struct {
	Format string `json:"format"`
	Shard  int    `json:"shard"` // from 1
	Shards int    `json:"shards"`
}

type recordTail struct {
	End bool `json:"end"`
	Summary
}

// maxLine bounds a line of records in bytes.
const maxLine = 1 << 20

// RecordWriter writes the records of one shard.
type RecordWriter struct {
	w *bufio.Writer
}

// NewRecordWriter writes the opening line.
func NewRecordWriter(w io.Writer, s Shard) (*RecordWriter, error) {
	buf := bufio.NewWriter(w)
	r := &RecordWriter{w: buf}
	return r, r.line(recordHead{Format: recordFormat, Shard: max(s.Index, 1), Shards: max(s.Count, 1)})
}

// line writes one line of JSON that a terminal can show.
func (r *RecordWriter) line(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := r.w.Write(printable.ASCII(b.Bytes()))
	return err
}

// Write writes one file.
func (r *RecordWriter) Write(f File) error {
	return r.line(f)
}

// Close writes the closing line. The underlying writer stays open.
func (r *RecordWriter) Close(s Summary) error {
	if err := r.line(recordTail{End: true, Summary: s}); err != nil {
		return err
	}
	return r.w.Flush()
}

// Records are the files of one shard.
type Records struct {
	Shard   Shard
	Files   []File
	Summary Summary
}

// ReadRecords reads the records of one shard. Missing or further lines, and
// fields that are not known, are errors.
func ReadRecords(r io.Reader) (*Records, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var out Records
	var tail recordTail
	n := 0
	for lines.Scan() {
		n++
		if tail.End {
			return nil, fmt.Errorf("line %d: data after the closing line", n)
		}
		if err := out.line(n, lines.Bytes(), &tail); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if !tail.End {
		return nil, errors.New("the records are cut off: the closing line is missing, so the scan did not finish")
	}
	if tail.Files != len(out.Files) {
		return nil, fmt.Errorf("the records hold %d files, the closing line counts %d", len(out.Files), tail.Files)
	}
	out.Summary = tail.Summary
	return &out, nil
}

func (r *Records) line(n int, b []byte, tail *recordTail) error {
	if n == 1 {
		var head recordHead
		if err := strict(b, &head); err != nil || head.Format != recordFormat {
			return fmt.Errorf("not the beginning of a scan (%s)", recordFormat)
		}
		r.Shard = Shard{Index: head.Shard, Count: head.Shards}
		return r.Shard.check()
	}
	if strings.HasPrefix(string(b), `{"end":`) {
		return strict(b, tail)
	}
	var f File
	if err := strict(b, &f); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	r.Files = append(r.Files, f)
	return nil
}

// check refuses records that would make rules that no file can have.
func (f *File) check() error {
	if f.Path == "" {
		return errors.New("a file without path")
	}
	if f.Error != "" {
		return nil
	}
	for _, h := range []struct {
		hash Hex
		size int
		opt  bool
	}{{f.SHA1, 20, false}, {f.SHA256, 32, false}, {f.PageSHA1, 20, true}, {f.PageSHA256, 32, true}} {
		if len(h.hash) != h.size && !(h.opt && h.hash == nil) {
			return fmt.Errorf("%s: a hash of %d bytes, must be %d", f.Path, len(h.hash), h.size)
		}
	}
	for _, s := range f.Signatures {
		if len(s.Chain) == 0 {
			return fmt.Errorf("%s: a signature without certificate", f.Path)
		}
	}
	return nil
}

func strict(b []byte, v any) error {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one value")
	}
	return nil
}

// Join puts the shards of one scan together. Every shard must be there once, and
// no path twice.
func Join(shards []*Records) ([]File, Summary, error) {
	if len(shards) == 0 {
		return nil, Summary{}, errors.New("no records to join")
	}
	count := max(shards[0].Shard.Count, 1)
	seen := make([]bool, count+1)
	var files []File
	var sum Summary
	for _, s := range shards {
		index := max(s.Shard.Index, 1)
		if max(s.Shard.Count, 1) != count {
			return nil, Summary{}, fmt.Errorf("shard %d of %d among shards of %d: not the same scan", index, s.Shard.Count, count)
		}
		if seen[index] {
			return nil, Summary{}, fmt.Errorf("shard %d of %d is there twice", index, count)
		}
		seen[index] = true
		files = append(files, s.Files...)
		sum.Files += s.Summary.Files
		sum.Unreadable += s.Summary.Unreadable
		sum.Skipped += s.Summary.Skipped
		sum.Bytes += s.Summary.Bytes
		sum.Links += s.Summary.Links
	}
	var missing []string
	for i := 1; i <= count; i++ {
		if !seen[i] {
			missing = append(missing, fmt.Sprint(i))
		}
	}
	if len(missing) > 0 {
		return nil, Summary{}, fmt.Errorf("shards %s of %d are missing", strings.Join(missing, ", "), count)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(files); i++ {
		if files[i].Path == files[i-1].Path {
			return nil, Summary{}, fmt.Errorf("%s is in two shards", files[i].Path)
		}
	}
	return files, sum, nil
}
