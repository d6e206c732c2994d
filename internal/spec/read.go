package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/command"
)

// maxSize of a release.yaml in bytes. The largest sensible one is a hundredth
// of it, and the YAML parser needs many times the size of the file.
const maxSize = 1 << 20

// readFile reads at most maxSize bytes.
func readFile(file string) ([]byte, *Problem) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Problem{Message: "there is no such file", Hint: command.Line("init") + " writes one; RELEASE_SPEC names another"}
	}
	if err != nil {
		return nil, &Problem{Message: reason(err), Hint: "the release is described in this file"}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &Problem{Message: "is a folder", Hint: "RELEASE_SPEC names the file itself"}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, &Problem{Message: reason(err), Hint: "the release is described in this file"}
	}
	return b, nil
}

// reason is an error of the file system without the path, which the problem
// names already.
func reason(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// parse turns the bytes into the root mapping.
func parse(b []byte) (*yaml.Node, *Problem) {
	if len(b) > maxSize {
		return nil, &Problem{Message: fmt.Sprintf("the file is larger than %d bytes", maxSize), Hint: "a release.yaml has a few hundred lines; is this the right file?"}
	}
	b, p := text(b)
	if p != nil {
		return nil, p
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, next yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && empty(&doc):
		return nil, &Problem{Message: "the file is empty", Hint: command.Line("init") + " writes a complete one"}
	case err != nil:
		return nil, syntax(err, b)
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		return nil, &Problem{Line: next.Line, Message: "a second YAML document begins here", Hint: "one file describes one release; remove the line --- and what follows"}
	case !errors.Is(err, io.EOF):
		return nil, syntax(err, b)
	}
	return doc.Content[0], nil
}

func empty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null"
}

// text checks the encoding and takes a byte order mark off.
func text(b []byte) ([]byte, *Problem) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		line := func() int { return 1 + bytes.Count(b[:i], []byte{'\n'}) }
		if r == utf8.RuneError && size == 1 {
			return nil, &Problem{Line: line(), Message: "the file is not UTF-8 text", Hint: "save it as UTF-8"}
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return nil, &Problem{Line: line(), Message: fmt.Sprintf("the file holds the control character U+%04X", r), Hint: "delete it; the file must be plain UTF-8 text"}
		}
		i += size
	}
	return b, nil
}

var (
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
	yamlLine      = regexp.MustCompile(`^yaml: line (\d+): (.*)`)
	tabIndent     = regexp.MustCompile(`^ *\t\s*[^\s#]`)
	expansion     = regexp.MustCompile(`\$\{[^}]*\}|\{\{`)
	plainKey      = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

// syntax says in plain words what the YAML parser complains about.
func syntax(err error, b []byte) *Problem {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = m[2]
	}
	lines := strings.Split(string(b), "\n")
	// The parser counts the lines before the trouble, and sometimes one more.
	for i := max(line-2, 0); i < min(line+1, len(lines)); i++ {
		if tabIndent.MatchString(lines[i]) {
			return &Problem{Line: i + 1, Message: "the line is indented with a tab", Hint: "YAML is indented with spaces"}
		}
	}
	hint := "check the indentation and the colons near this line; texts with : or # inside need quotes"
	switch {
	case unknownAnchor.MatchString(message):
		line = lineOf(lines, "*"+unknownAnchor.FindStringSubmatch(message)[1])
		hint = "an alias *name needs an anchor &name above it; a text that begins with * needs quotes"
	case strings.Contains(message, "incompatible YAML document"):
		hint = "delete the line %YAML"
	case strings.Contains(message, "exceeded max depth"):
		hint = "a release.yaml is at most five levels deep"
	}
	return &Problem{Line: line, Message: "this is not YAML: " + oneLine(message), Hint: hint}
}

// lineOf is the first line that holds the text, counted from 1; 0 when none.
func lineOf(lines []string, text string) int {
	for i, l := range lines {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	return 0
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
