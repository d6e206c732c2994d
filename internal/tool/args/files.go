// Package args reads what the commands without a release.yaml have in common:
// which files are meant, which key signs, who stamps, which roots count.
package args

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// Files says which files are worked on and where results go.
type Files struct {
	// In is a comma-separated list of paths, glob patterns, and @FILE for a
	// file with one of them in each line.
	In string
	// Out is a file, for one input, or an existing folder. Empty changes the
	// files in place, each by an atomic rename.
	Out string
}

// Job is one file with its destination.
type Job struct{ In, Out string }

// Expand returns the files that In names, in the order in which it names them;
// those of a pattern are sorted. A pattern that matches nothing is an error: a
// mistyped name must not look like success. All wrong names are reported.
func (f Files) Expand() ([]string, error) {
	if strings.TrimSpace(f.In) == "" {
		return nil, fault.New(fault.Usage, "-in= is missing").Hint("name files, such as -in='dist/*.exe', -in=a.exe,b.dll or -in=@list.txt")
	}
	names, err := entries(f.In)
	if err != nil {
		return nil, err
	}
	var out []string
	var errs []error
	seen := map[string][]fs.FileInfo{}
	for _, p := range names {
		matches, err := match(p)
		errs = append(errs, err)
		for _, m := range matches {
			if !repeated(seen, m) {
				out = append(out, m)
			}
		}
	}
	return out, errors.Join(errs...)
}

// repeated tells whether the same file was seen by the same name, as far as the
// file system is concerned: ./a.exe is a.exe, and A.EXE is too where case does
// not matter. A link beside its target is another name, which jobs refuse.
func repeated(seen map[string][]fs.FileInfo, name string) bool {
	st, err := os.Lstat(name)
	if err != nil {
		return false
	}
	key := strings.ToLower(filepath.Clean(name))
	for _, other := range seen[key] {
		if os.SameFile(st, other) {
			return true
		}
	}
	seen[key] = append(seen[key], st)
	return false
}

// One returns the only file that In names.
func (f Files) One() (string, error) {
	in, err := f.Expand()
	if err != nil {
		return "", err
	}
	if len(in) != 1 {
		return "", fault.New(fault.Usage, "-in: names %d files, and this command takes one at a time", len(in))
	}
	return in[0], nil
}

// match returns the files that p names: itself if there is such a file, else
// those that match it as a pattern, folders left out.
func match(p string) ([]string, error) {
	if st, err := os.Stat(p); err == nil {
		return []string{p}, judge(p, st)
	} else if !isPattern(p) || badPattern(p) {
		return nil, missing(p, err)
	}
	all, err := filepath.Glob(foldCase(p))
	if err != nil {
		return nil, fault.New(fault.Usage, "-in: %w", err)
	}
	var files []string
	var errs []error
	for _, m := range all {
		st, err := os.Stat(m)
		switch {
		case err != nil:
			errs = append(errs, missing(m, err))
		case st.IsDir():
		default:
			errs = append(errs, judge(m, st))
			files = append(files, m)
		}
	}
	if len(files)+len(errs) == 0 {
		return nil, fault.New(fault.Usage, "-in: no file matches %s", p)
	}
	return files, errors.Join(errs...)
}

func isPattern(p string) bool { return strings.ContainsAny(p, "*?[") }

func badPattern(p string) bool {
	_, err := filepath.Match(p, "")
	return err != nil
}

// judge refuses what cannot be read like a file.
func judge(p string, st fs.FileInfo) error {
	if st.Mode().IsRegular() {
		return nil
	}
	err := fault.New(fault.Usage, "-in: %s is %s, not a file", p, regular.Kind(st.Mode()))
	if st.IsDir() {
		err.Hint("name the files in it, such as -in='%s'", filepath.Join(p, "*"))
	}
	return err
}

// missing says why a file that is named cannot be found.
func missing(p string, err error) error {
	st, lerr := os.Lstat(p)
	switch {
	case lerr == nil && st.Mode()&fs.ModeSymlink != 0:
		return fault.New(fault.Usage, "-in: %s is a broken link: %w", p, bare(err))
	case badPattern(p):
		return fault.New(fault.Usage, "-in: there is no file %s, and it is not a pattern", p).Hint("the patterns are those of Go's filepath.Match: *, ? and [a-z]")
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Usage, "-in: there is no file %s", p)
	}
	return fault.New(fault.Usage, "-in: %s: %w", p, bare(err))
}

// foldCase lets a pattern match as the names themselves do on Windows: in any
// case. Only the parts with a pattern are changed, the others the system finds.
func foldCase(pattern string) string {
	if runtime.GOOS != "windows" {
		return pattern
	}
	return foldLetters(pattern)
}

func foldLetters(pattern string) string {
	volume := filepath.VolumeName(pattern)
	var out strings.Builder
	out.WriteString(volume)
	rest := pattern[len(volume):]
	for rest != "" {
		part := rest
		if i := strings.IndexAny(rest, `/\`); i >= 0 {
			part = rest[:i]
		}
		out.WriteString(foldPart(part))
		rest = rest[len(part):]
		if rest != "" {
			out.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	return out.String()
}

// foldPart writes each letter outside brackets as [xX].
func foldPart(part string) string {
	if !isPattern(part) {
		return part
	}
	var out strings.Builder
	inClass := false
	for _, r := range part {
		lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r))
		switch {
		case r == '[' || r == ']':
			inClass = r == '['
			out.WriteRune(r)
		case inClass || lower == upper:
			out.WriteRune(r)
		default:
			out.WriteString("[" + lower + upper + "]")
		}
	}
	return out.String()
}

// Jobs pairs each file with its destination. suffix is appended to the names
// in a folder, and to the name of the input where neither Out nor in-place
// work names one; empty means in place.
func (f Files) Jobs(suffix string) ([]Job, error) {
	return f.JobsNamed(func(in string, folder bool) (string, error) {
		switch {
		case folder:
			return filepath.Base(in) + suffix, nil
		case suffix == "":
			return target(in), nil
		}
		return in + suffix, nil
	})
}

// JobsNamed pairs each file with its destination. Where Out is no file's name,
// name gives it: the name in the folder Out, or else the whole path.
func (f Files) JobsNamed(name func(in string, folder bool) (string, error)) ([]Job, error) {
	in, err := f.Expand()
	if err != nil {
		return nil, err
	}
	folder := false
	if st, err := os.Stat(f.Out); err == nil {
		folder = st.IsDir()
	}
	if f.Out != "" && !folder && len(in) > 1 {
		return nil, fault.New(fault.Usage, "-out: %s is not a folder, and there are %d files", f.Out, len(in)).Hint("make the folder first")
	}
	out := make([]Job, 0, len(in))
	taken := map[string]string{}
	var errs []error
	for _, i := range in {
		o, err := f.destination(i, folder, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other := taken[sameName(o)]; other != "" {
			errs = append(errs, fault.New(fault.Usage, "-out: %s and %s would both become %s", other, i, o))
			continue
		}
		taken[sameName(o)] = i
		out = append(out, Job{i, o})
	}
	return out, errors.Join(errs...)
}

func (f Files) destination(in string, folder bool, name func(string, bool) (string, error)) (string, error) {
	if f.Out != "" && !folder {
		return f.Out, nil
	}
	o, err := name(in, folder)
	if err != nil {
		return "", fmt.Errorf("%s: %w", printable.Text(in), err)
	}
	if folder {
		o = filepath.Join(f.Out, o)
	}
	return o, nil
}

// sameName is equal for paths that are one file on the usual file systems of
// this system.
func sameName(path string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.ToLower(path)
	}
	return path
}

// target is the file that path leads to: a link that is changed in place stays a
// link. Where it leads nowhere, opening it will say so.
func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
