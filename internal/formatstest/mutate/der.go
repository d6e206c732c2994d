package mutate

import (
	"bytes"
	"fmt"
	"slices"
)

// node is a BER element. What cannot be read as elements stays a value.
type node struct {
	tag   byte
	value []byte // of a node without kids
	kids  []*node
	open  bool // kids count, also if there are none
	long  bool // written with a length that is longer than needed
	loose bool // written with an indefinite length
}

// parse reads a run of elements; ok is false where b is not one.
func parse(b []byte) (out []*node, ok bool) {
	for len(b) > 0 {
		n, size, ok := parseOne(b)
		if !ok {
			return nil, false
		}
		out, b = append(out, n), b[size:]
	}
	return out, true
}

func parseOne(b []byte) (n *node, size int, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return nil, 0, false
	}
	length, head := int(b[1]), 2
	if length >= 0x80 {
		k := length & 0x7f
		if k == 0 || k > 4 || len(b) < 2+k {
			return nil, 0, false
		}
		length = 0
		for _, x := range b[2 : 2+k] {
			length = length<<8 | int(x)
		}
		head += k
	}
	if length > len(b)-head {
		return nil, 0, false
	}
	n = &node{tag: b[0], value: b[head : head+length]}
	if inside := b[0]&0x20 != 0; inside {
		if kids, ok := parse(n.value); ok {
			n.kids, n.open = kids, true
		}
	}
	return n, head + length, true
}

func (n *node) bytes() []byte {
	body := n.value
	if n.open {
		body = nil
		for _, k := range n.kids {
			body = append(body, k.bytes()...)
		}
	}
	out := []byte{n.tag}
	switch l := len(body); {
	case n.loose:
		return append(append(append(out, 0x80), body...), 0, 0)
	case n.long:
		out = append(out, 0x84, byte(l>>24), byte(l>>16), byte(l>>8), byte(l))
	case l < 0x80:
		out = append(out, byte(l))
	case l < 0x100:
		out = append(out, 0x81, byte(l))
	case l < 0x10000:
		out = append(out, 0x82, byte(l>>8), byte(l))
	default:
		out = append(out, 0x83, byte(l>>16), byte(l>>8), byte(l))
	}
	return append(out, body...)
}

func (n *node) clone() *node {
	c := *n
	c.value = bytes.Clone(n.value)
	c.kids = nil
	for _, k := range n.kids {
		c.kids = append(c.kids, k.clone())
	}
	return &c
}

// at follows indexes of kids from the root.
func (n *node) at(path []int) *node {
	for _, i := range path {
		n = n.kids[i]
	}
	return n
}

// paths lists all nodes, each by the way to it.
func paths(n *node, path []int, out [][]int) [][]int {
	out = append(out, slices.Clone(path))
	for i, k := range n.kids {
		out = paths(k, append(path, i), out)
	}
	return out
}

// operation changes the node at the end of a path, or its place among its siblings; false where there is nothing to change.
type operation struct {
	name string
	do   func(parent *node, i int) bool
}

// value makes an operation of a change of a value.
func value(name string, change func([]byte) []byte) operation {
	return operation{name, func(p *node, i int) bool {
		k := p.kids[i]
		if k.open || len(k.value) == 0 && name != "byte added" {
			return false
		}
		k.value = change(bytes.Clone(k.value))
		return true
	}}
}

var operations = []operation{
	{"removed", func(p *node, i int) bool { p.kids = slices.Delete(p.kids, i, i+1); return true }},
	{"twice", func(p *node, i int) bool { p.kids = slices.Insert(p.kids, i, p.kids[i].clone()); return true }},
	{"swapped", func(p *node, i int) bool {
		if i+1 >= len(p.kids) || bytes.Equal(p.kids[i].bytes(), p.kids[i+1].bytes()) {
			return false
		}
		p.kids[i], p.kids[i+1] = p.kids[i+1], p.kids[i]
		return true
	}},
	{"emptied", func(p *node, i int) bool {
		k := p.kids[i]
		if len(k.value) == 0 && len(k.kids) == 0 {
			return false
		}
		k.value, k.kids = nil, nil
		return true
	}},
	{"another tag", func(p *node, i int) bool { p.kids[i].tag ^= 1; return true }},
	{"another class", func(p *node, i int) bool { p.kids[i].tag ^= 0x80; return true }},
	{"constructed flipped", func(p *node, i int) bool { p.kids[i].tag ^= 0x20; return true }},
	{"replaced by NULL", func(p *node, i int) bool { p.kids[i] = &node{tag: 5}; return true }},
	{"NULL added", func(p *node, i int) bool {
		k := p.kids[i]
		if !k.open {
			return false
		}
		k.kids = append(k.kids, &node{tag: 5})
		return true
	}},
	{"long length", func(p *node, i int) bool { p.kids[i].long = true; return true }},
	{"indefinite length", func(p *node, i int) bool { p.kids[i].loose = p.kids[i].open; return p.kids[i].open }},
	value("first byte", func(b []byte) []byte { b[0] ^= 1; return b }),
	value("middle byte", func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b }),
	value("last byte", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
	value("byte added", func(b []byte) []byte { return append(b, 0) }),
	value("byte less", func(b []byte) []byte { return b[:len(b)-1] }),
}

// DER returns variants of a DER value: each operation on each node. where names a node by the way to it, for Variant.Class.
func DER(der []byte, where func(path []int) string) []Variant {
	root, _, ok := parseOne(der)
	if !ok {
		return nil
	}
	var out []Variant
	for _, path := range paths(root, nil, nil)[1:] {
		for _, op := range operations {
			tree := root.clone()
			last := len(path) - 1
			if op.do(tree.at(path[:last]), path[last]) {
				out = append(out, Variant{where(path) + " " + op.name, fmt.Sprint(path), tree.bytes()})
			}
		}
	}
	return out
}
