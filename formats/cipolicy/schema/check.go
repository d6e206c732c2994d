package schema

import (
	"fmt"
	"strings"
)

// Check compares a document with the schema and returns every violation, in
// the order of the document.
func Check(doc *Node) []Problem {
	c := checker{}
	if doc.Name != root.name {
		c.add(doc.Line, "the root element is %s, must be SiPolicy", doc.Name)
		return c.problems
	}
	c.element(doc, root)
	return c.problems
}

type checker struct {
	problems []Problem
}

func (c *checker) add(line int, format string, args ...any) {
	c.problems = append(c.problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) element(n *Node, e *element) {
	c.attributes(n, e)
	if e.model != text && Collapse(n.Text) != "" {
		c.add(n.Line, "%s may not hold text: %q", n.Name, shorten(Collapse(n.Text)))
	}
	switch e.model {
	case text:
		c.textElement(n, e)
	case empty:
		for _, child := range n.Children {
			c.add(child.Line, "%s may not hold elements: %s", n.Name, child.Name)
		}
	case sequence:
		c.sequence(n, e)
	default:
		c.unordered(n, e)
	}
}

func (c *checker) textElement(n *Node, e *element) {
	for _, child := range n.Children {
		c.add(child.Line, "%s holds text and may not hold elements: %s", n.Name, child.Name)
	}
	if reason := e.text(n.Text); reason != "" {
		c.add(n.Line, "%s %q: %s", n.Name, shorten(n.Text), reason)
	}
}

func (c *checker) attributes(n *Node, e *element) {
	for i := range n.Attrs {
		a := &n.Attrs[i]
		decl := findAttr(e, a.Name)
		if decl == nil {
			c.add(n.Line, "%s has no attribute %s", n.Name, a.Name)
		} else if reason := decl.typ(a.Value); reason != "" {
			c.add(n.Line, "%s %s=%q: %s", n.Name, a.Name, shorten(a.Value), reason)
		}
	}
	for i := range e.attrs {
		if d := &e.attrs[i]; d.required {
			if _, ok := n.Attr(d.name); !ok {
				c.add(n.Line, "%s lacks the attribute %s", n.Name, d.name)
			}
		}
	}
}

func findAttr(e *element, name string) *attribute {
	for i := range e.attrs {
		if e.attrs[i].name == name {
			return &e.attrs[i]
		}
	}
	return nil
}

// sequence checks children that have a fixed order.
func (c *checker) sequence(n *Node, e *element) {
	at, count := 0, 0
	for _, child := range n.Children {
		k := findKid(e, child.Name)
		switch {
		case k < 0:
			c.unknown(n, child, e)
			continue
		case k < at:
			c.add(child.Line, "%s comes after %s in %s, but must come before it", child.Name, e.kids[at].element.name, n.Name)
		case k > at:
			c.missing(n, e, at, k, count)
			at, count = k, 0
		}
		if k == at {
			count++
			if count == e.kids[k].max+1 {
				c.add(child.Line, "more than %d %s in %s", e.kids[k].max, child.Name, n.Name)
			}
		}
		c.element(child, e.kids[k].element)
	}
	c.missing(n, e, at, len(e.kids), count)
}

// missing reports the required children from position at up to, not including,
// to; count is how many of the child at position at there were.
func (c *checker) missing(n *Node, e *element, at, to, count int) {
	for ; at < to; at++ {
		k := e.kids[at]
		// A child that stands too late was reported already.
		if count < k.min && n.Child(k.element.name) == nil {
			c.add(n.Line, "%s lacks %s", n.Name, k.element.name)
		}
		count = 0
	}
}

// unordered checks children that may stand in any order.
func (c *checker) unordered(n *Node, e *element) {
	counts := make([]int, len(e.kids))
	for _, child := range n.Children {
		k := findKid(e, child.Name)
		if k < 0 {
			c.unknown(n, child, e)
			continue
		}
		counts[k]++
		if e.model == all && counts[k] == e.kids[k].max+1 {
			c.add(child.Line, "second %s in %s", child.Name, n.Name)
		}
		c.element(child, e.kids[k].element)
	}
	total := 0
	for k, kid := range e.kids {
		total += counts[k]
		if counts[k] < kid.min {
			c.add(n.Line, "%s lacks %s", n.Name, kid.element.name)
		}
	}
	if e.model == one && total != 1 {
		c.add(n.Line, "%s has %d elements, must have one of %s", n.Name, total, kidNames(e))
	}
}

func findKid(e *element, name string) int {
	for i := range e.kids {
		if e.kids[i].element.name == name {
			return i
		}
	}
	return -1
}

func (c *checker) unknown(n, child *Node, e *element) {
	if len(e.kids) == 1 {
		c.add(child.Line, "%s is not allowed in %s, only %s", child.Name, n.Name, kidNames(e))
		return
	}
	c.add(child.Line, "%s is not allowed in %s, which may hold %s", child.Name, n.Name, kidNames(e))
}

func kidNames(e *element) string {
	names := make([]string, len(e.kids))
	for i, k := range e.kids {
		names[i] = k.element.name
	}
	return strings.Join(names, ", ")
}

// shorten keeps messages readable when a value is long.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
