package schema

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

const (
	namespace    = "urn:schemas-microsoft-com:sipolicy"
	xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"
	// maxDepth bounds the nesting; the schema itself needs 7 levels.
	maxDepth = 32
)

// Node is an XML element. Comments and processing instructions are left out.
type Node struct {
	Name     string
	Attrs    []Attr
	Text     string // all character data directly inside, as written
	Children []*Node
	Line     int
}

// Attr is an attribute without namespace.
type Attr struct {
	Name, Value string
}

// Attr returns the value of an attribute and whether it is there.
func (n *Node) Attr(name string) (string, bool) {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return n.Attrs[i].Value, true
		}
	}
	return "", false
}

// Child returns the first child element of a name, or nil.
func (n *Node) Child(name string) *Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Parse reads XML in UTF-8 or, with a byte order mark, UTF-16. A document that
// is not well-formed gives a nil Node and one problem. A document type
// definition is refused, so no entity can be defined.
func Parse(data []byte) (*Node, []Problem) {
	text, err := toUTF8(data)
	if err != nil {
		return nil, []Problem{{Line: 1, Text: err.Error()}}
	}
	p := parser{dec: xml.NewDecoder(bytes.NewReader(text))}
	p.dec.CharsetReader = charset
	if err := p.run(); err != nil {
		line, _ := p.dec.InputPos()
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, []Problem{{Line: syntax.Line, Text: "not well-formed XML: " + syntax.Msg}}
		}
		return nil, []Problem{{Line: line, Text: err.Error()}}
	}
	return p.root, p.problems
}

type parser struct {
	dec      *xml.Decoder
	root     *Node
	stack    []*Node
	problems []Problem
}

func (p *parser) run() error {
	for {
		line, _ := p.dec.InputPos()
		tok, err := p.dec.Token()
		if err == io.EOF {
			return p.finish()
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			err = p.start(t, line)
		case xml.EndElement:
			p.stack = p.stack[:len(p.stack)-1]
		case xml.CharData:
			err = p.text(t, line)
		case xml.Directive:
			err = errors.New("a document type definition is not allowed in a policy")
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) finish() error {
	if p.root == nil {
		return errors.New("the document has no element")
	}
	return nil
}

func (p *parser) start(t xml.StartElement, line int) error {
	n := &Node{Name: t.Name.Local, Line: line}
	if t.Name.Space != namespace {
		p.add(line, "element %s is in namespace %q, not in %q", n.Name, t.Name.Space, namespace)
	}
	p.attributes(n, t.Attr)
	switch {
	case len(p.stack) >= maxDepth:
		return fmt.Errorf("elements are nested more than %d deep", maxDepth)
	case len(p.stack) > 0:
		parent := p.stack[len(p.stack)-1]
		parent.Children = append(parent.Children, n)
	case p.root != nil:
		return fmt.Errorf("second root element %s", n.Name)
	default:
		p.root = n
	}
	p.stack = append(p.stack, n)
	return nil
}

func (p *parser) attributes(n *Node, attrs []xml.Attr) {
	if len(attrs) > 0 {
		n.Attrs = make([]Attr, 0, len(attrs))
	}
	for _, a := range attrs {
		switch {
		case a.Name.Space == "xmlns", a.Name.Space == "" && a.Name.Local == "xmlns":
		case a.Name.Space == xsiNamespace && strings.HasSuffix(strings.ToLower(a.Name.Local), "schemalocation"):
		case a.Name.Space != "":
			p.add(n.Line, "attribute %s of namespace %q is not allowed in %s", a.Name.Local, a.Name.Space, n.Name)
		default:
			if _, dup := n.Attr(a.Name.Local); dup {
				p.add(n.Line, "attribute %s appears twice in %s", a.Name.Local, n.Name)
				continue
			}
			n.Attrs = append(n.Attrs, Attr{Name: a.Name.Local, Value: a.Value})
		}
	}
}

func (p *parser) text(t xml.CharData, line int) error {
	if len(p.stack) == 0 {
		if len(bytes.TrimSpace(t)) > 0 {
			return errors.New("text outside the root element")
		}
		return nil
	}
	n := p.stack[len(p.stack)-1]
	if len(n.Children) > 0 && len(bytes.TrimSpace(t)) == 0 {
		return nil // indentation between elements
	}
	n.Text += string(t)
	return nil
}

func (p *parser) add(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

// toUTF8 removes a byte order mark and converts UTF-16, which PowerShell's >
// writes.
func toUTF8(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return fromUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return fromUTF16(b[2:], binary.BigEndian)
	}
	return b, nil
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, errors.New("UTF-16 text of an odd number of bytes")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

// charset accepts the encodings that toUTF8 has converted already.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf-16", "us-ascii":
		return r, nil
	}
	return nil, fmt.Errorf("encoding %q is not supported: save the policy as UTF-8", label)
}
