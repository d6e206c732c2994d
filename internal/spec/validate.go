package spec

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Validate judges a spec that Defaults has filled: all that depends on more
// than one field, on files of the project, or on the environment. It changes
// nothing and reports every problem. What a single value must look like, the
// decoder has judged already.
func Validate(s *Spec, env Env) []Problem {
	j := &judgement{spec: s, env: env.withDefaults()}
	j.project()
	j.build()
	j.resources()
	j.sign()
	j.timestamp()
	j.verify()
	j.catalog()
	j.wdac()
	j.portal()
	j.pack()
	return j.list
}

// judgement collects problems.
type judgement struct {
	spec *Spec
	env  Env
	list []Problem
}

// refuse reports a problem of the field at path when wrong is true.
func (j *judgement) refuse(wrong bool, path, message, hint string) {
	if wrong {
		j.list = append(j.list, Problem{Line: j.spec.line(path), Path: path, Message: message, Hint: hint})
	}
}

// exclusive refuses each of the other fields of a section that the file sets
// beside field.
func (j *judgement) exclusive(section, field, hint string, others ...string) {
	for _, other := range others {
		j.refuse(j.spec.has(section+"."+other), section+"."+other,
			fmt.Sprintf("cannot be combined with %s.%s", section, field), hint)
	}
}

// files judges a list of files, see file.
func (j *judgement) files(path string, list []string) {
	for i, f := range list {
		j.file(fmt.Sprintf("%s[%d]", path, i), f)
	}
}

// file demands that a file named in the spec exists, is a regular file, and
// is not led out of the project by a symbolic link. An empty name is good.
func (j *judgement) file(path, name string) {
	if name == "" {
		return
	}
	if m := foreign(name); m != "" {
		j.refuse(true, path, m, "write a path relative to the project, with slashes: it is the same on every system")
		return
	}
	full := j.resolve(name)
	info, err := os.Stat(full)
	switch {
	case err != nil && os.IsNotExist(err):
		j.refuse(true, path, fmt.Sprintf("there is no file %s", quote(name)), j.similarFile(name))
	case err != nil:
		j.refuse(true, path, fmt.Sprintf("cannot read %s: %s", quote(name), reason(err)), "make the file readable")
	case !info.Mode().IsRegular():
		j.refuse(true, path, fmt.Sprintf("%s is not a file", quote(name)), "name the file itself")
	case !isAbs(name) && j.escapes(full):
		j.refuse(true, path, fmt.Sprintf("%s is a link that leaves the project", quote(name)), "write the absolute path it leads to")
	}
}

// resolve gives the place of a path in the spec.
func (j *judgement) resolve(name string) string {
	if isAbs(name) {
		return name
	}
	return filepath.Join(j.env.Root, filepath.FromSlash(name))
}

// escapes follows the links of a file.
func (j *judgement) escapes(full string) bool {
	root, err := filepath.EvalSymlinks(j.env.Root)
	if err != nil {
		return true
	}
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		return true
	}
	if root, err = filepath.Abs(root); err != nil {
		return true
	}
	if target, err = filepath.Abs(target); err != nil {
		return true
	}
	rel, err := filepath.Rel(root, target)
	return err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// similarFile is the hint for a file that does not exist.
func (j *judgement) similarFile(name string) string {
	entries, err := fs.ReadDir(os.DirFS(filepath.Dir(j.resolve(name))), ".")
	if err == nil {
		var names []string
		for _, e := range entries[:min(len(entries), 1000)] {
			names = append(names, e.Name())
		}
		if near := Nearest(filepath.Base(name), names); near != "" {
			return fmt.Sprintf("did you mean %s?", filepath.ToSlash(filepath.Join(filepath.Dir(name), near)))
		}
	}
	return "paths start at the project's folder"
}

// hostsOf lists the hosts of the https URLs, each once.
func hostsOf(urls ...string) []string {
	var hosts []string
	for _, s := range urls {
		if h := hostOf(s); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// hostOf is the host of an https URL in lower case, or empty.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func (j *judgement) pack() {
	p := j.spec.Package
	j.refuse(p != nil && len(p.Files) > 0 && !slices.Contains(p.Formats, "zip"), "package.files", "needs archives to go into", "add zip to package.formats, or delete the line")
	j.refuse(p != nil && j.spec.has("package.per") && !slices.Contains(p.Formats, "zip"), "package.per", "has no effect without archives", "add zip to package.formats, or delete the line")
}
