package catalog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// many is a definition of n files and one more with the label last behind them.
func many(n int, last string) *CDF {
	c := &CDF{Name: "x", Version: V1}
	for i := range n {
		c.Files = append(c.Files, CDFFile{Label: fmt.Sprintf("<HASH>%d", i+1), Path: fmt.Sprintf("f%d", i), Attributes: []Attribute{Text("File", "f")}})
	}
	c.Files[n-1].Label = "A"
	c.Files = append(c.Files, CDFFile{Label: last, Path: "last"})
	return c
}

// TestMarshalParts: the text is read again in parts, and nothing is missed where one
// part ends and the next begins.
func TestMarshalParts(t *testing.T) {
	for _, n := range []int{readAtOnce - 1, readAtOnce, readAtOnce + 1, 2*readAtOnce + 1} {
		if _, err := many(n, "AATTR2").Marshal(); err == nil || !strings.Contains(err.Error(), `attribute "last"`) {
			t.Errorf("%d files, and one that reads as an attribute of the last: %v", n, err)
		}
		text, err := many(n, "AB").Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseCDF(bytes.NewReader(text))
		if err != nil || len(again.Files) != n+1 || len(again.Warnings) != 0 {
			t.Errorf("%d files: %d read again, %v, %v", n+1, len(again.Files), again.Warnings, err)
		}
	}
	c := many(3*readAtOnce, "Z")
	c.Files[2*readAtOnce].Path = strings.Repeat("long", 300)
	if _, err := c.Marshal(); err == nil {
		t.Error("a line that makecat does not read was written")
	}
	w := NewCDFWriter(c)
	for _, f := range c.Files[:2*readAtOnce] {
		w.Add(f)
	}
	if len(w.part) > readAtOnce {
		t.Errorf("%d files wait to be read again", len(w.part))
	}
}
