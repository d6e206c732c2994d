package cms

import (
	"bytes"
	"testing"
)

func TestAttributes(t *testing.T) {
	one, two, three := []byte{2, 1, 1}, []byte{2, 1, 2}, []byte{2, 1, 3}
	var a Attributes
	if _, ok := a.Get(OIDSigningTime); ok || a.Remove(OIDSigningTime) {
		t.Error("an empty set has an attribute")
	}
	a.Add(OIDNestedSignature, two)
	shared := a[0].Values
	a.Add(OIDNestedSignature, one)
	a.Add(OIDSigningTime, three)
	if len(shared) != 1 || len(a) != 2 || len(a[0].Values) != 2 {
		t.Errorf("after adding: %v", a)
	}
	der, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b := Attributes{{Type: OIDSigningTime, Values: [][]byte{three}}, {Type: OIDNestedSignature, Values: [][]byte{one, two}}}
	if other, err := b.Marshal(); err != nil || !bytes.Equal(der, other) {
		t.Errorf("the order in memory matters: %x, %x, %v", der, other, err)
	}
	a.Set(OIDNestedSignature, three)
	if at, ok := a.Get(OIDNestedSignature); !ok || len(at.Values) != 1 || !bytes.Equal(at.Values[0], three) {
		t.Errorf("after setting: %v", a)
	}
	if !a.Remove(OIDNestedSignature) || len(a) != 1 {
		t.Errorf("after removing: %v", a)
	}
}
