package resource

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/tc-hib/winres"
)

// key names one resource.
type key struct {
	kind, id winres.Identifier // a winres.ID or a winres.Name
	language uint16
}

// table holds the resources of a program while they are merged. winres has
// such a table too, but a resource that gets a further language after the table
// was walked through is written damaged (v0.2.1: the order of languages is kept
// from before). So it is filled once, in one go, for writing.
type table map[key][]byte

func tableOf(rs *winres.ResourceSet) table {
	t := table{}
	rs.Walk(func(kind, id winres.Identifier, language uint16, data []byte) bool {
		t[key{kind, id, language}] = data
		return true
	})
	return t
}

// set makes the table for writing; icon, if any, is added under the number or
// name id.
func (t table) set(icon *Icon, id winres.Identifier) (*winres.ResourceSet, error) {
	rs := &winres.ResourceSet{}
	for _, k := range t.keys() {
		if err := rs.Set(k.kind, k.id, k.language, t[k]); err != nil {
			return nil, fmt.Errorf("setting resource %v of type %v: %v", k.id, k.kind, err)
		}
	}
	if icon == nil {
		return rs, nil
	}
	if err := rs.SetIcon(id, icon.icon); err != nil {
		return nil, fmt.Errorf("setting the icon: %v", err)
	}
	return rs, nil
}

// keys are sorted as Windows requires the directory: names before numbers, each
// in ascending order (PE format, "Resource Directory Entries").
func (t table) keys() []key {
	return slices.SortedFunc(maps.Keys(t), func(a, b key) int {
		return cmp.Or(compare(a.kind, b.kind), compare(a.id, b.id), cmp.Compare(a.language, b.language))
	})
}

func compare(a, b winres.Identifier) int {
	na, isName := a.(winres.Name)
	nb, otherIsName := b.(winres.Name)
	switch {
	case isName && otherIsName:
		return cmp.Compare(na, nb)
	case isName:
		return -1
	case otherIsName:
		return 1
	}
	return cmp.Compare(a.(winres.ID), b.(winres.ID))
}

// remove removes a resource in all languages.
func (t table) remove(kind, id winres.Identifier) {
	maps.DeleteFunc(t, func(k key, _ []byte) bool { return k.kind == kind && k.id == id })
}

// each lists the keys of a kind, and of an id unless that is nil.
func (t table) each(kind, id winres.Identifier) []key {
	return slices.DeleteFunc(t.keys(), func(k key) bool { return k.kind != kind || id != nil && k.id != id })
}
