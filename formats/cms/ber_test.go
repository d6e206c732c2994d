package cms

import (
	"bytes"
	"testing"
)

func TestToDER(t *testing.T) {
	deep := bytes.Repeat([]byte{0x30, 0x80}, 200)
	deep = append(deep, bytes.Repeat([]byte{0, 0}, 200)...)
	long := bytes.Repeat([]byte{7}, 200)
	for name, c := range map[string]struct {
		in, want []byte // want nil: not converted
		used     int
	}{
		"DER":                       {in: []byte{0x30, 3, 4, 1, 9}},
		"indefinite":                {[]byte{0x30, 0x80, 4, 1, 9, 0, 0, 0xff}, []byte{0x30, 3, 4, 1, 9}, 7},
		"indefinite in indefinite":  {[]byte{0x30, 0x80, 0xa0, 0x80, 4, 1, 9, 0, 0, 0, 0}, []byte{0x30, 5, 0xa0, 3, 4, 1, 9}, 11},
		"indefinite in definite":    {[]byte{0x30, 7, 0xa0, 0x80, 4, 1, 9, 0, 0}, []byte{0x30, 5, 0xa0, 3, 4, 1, 9}, 9},
		"length too long":           {[]byte{0x30, 0x83, 0, 0, 3, 4, 1, 9}, []byte{0x30, 3, 4, 1, 9}, 8},
		"inner length too long":     {[]byte{0x30, 5, 4, 0x82, 0, 1, 9}, []byte{0x30, 3, 4, 1, 9}, 7},
		"string in pieces":          {[]byte{0x24, 0x80, 4, 1, 1, 4, 2, 2, 3, 0, 0}, []byte{4, 3, 1, 2, 3}, 11},
		"pieces in pieces":          {[]byte{0x24, 0x80, 0x24, 0x80, 4, 1, 1, 0, 0, 4, 1, 2, 0, 0}, []byte{4, 2, 1, 2}, 14},
		"pieces of definite length": {[]byte{0x24, 6, 4, 1, 1, 4, 1, 2}, []byte{4, 2, 1, 2}, 8},
		"long":                      {append(append([]byte{0x30, 0x80, 4, 0x81, 200}, long...), 0, 0), append([]byte{0x30, 0x81, 203, 4, 0x81, 200}, long...), 207},
		"junk in definite":          {[]byte{0x30, 0x81, 4, 0x30, 2, 0x04, 0x09}, []byte{0x30, 4, 0x30, 2, 0x04, 0x09}, 7},
		"no end":                    {in: []byte{0x30, 0x80, 4, 1, 9}},
		"primitive indefinite":      {in: []byte{0x04, 0x80, 1, 0, 0}},
		"beyond the end":            {in: []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}},
		"nine length octets":        {in: []byte{0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
		"high tag":                  {[]byte{0x30, 0x80, 0x1f, 0x81, 0x01, 1, 9, 0, 0}, []byte{0x30, 5, 0x1f, 0x81, 0x01, 1, 9}, 9},
		"high tag without end":      {in: []byte{0x30, 0x80, 0x1f, 0x81}},
		"too deep":                  {in: deep},
		"empty":                     {in: nil},
	} {
		t.Run(name, func(t *testing.T) {
			out, used, ok := toDER(c.in)
			if ok != (c.want != nil) || ok && (!bytes.Equal(out, c.want) || used != c.used) {
				t.Errorf("%x, %d bytes used, converted %v", out, used, ok)
			}
		})
	}
}
