package cms

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"unicode/utf16"
)

// PEMBlocks returns the PEM blocks (RFC 7468) of a file; none means that the file is
// not PEM. Text between the blocks is passed over. Unlike pem.Decode it reads what
// Windows programs write, a byte order mark, UTF-16, line breaks of two bytes, and a
// block that begins right after the end of another, and a block that cannot be read is
// an error: pem.Decode would go on with the next.
func PEMBlocks(b []byte) ([]*pem.Block, error) {
	b = pemText(b)
	begun := countBegins(b)
	var blocks []*pem.Block
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if len(blocks) < begun {
		return nil, fmt.Errorf("%d of %d PEM blocks cannot be read", begun-len(blocks), begun)
	}
	return blocks, nil
}

var (
	pemBegin   = []byte("-----BEGIN ")
	pemTouches = []byte("----------BEGIN ")
	pemApart   = []byte("-----\n-----BEGIN ")
)

// pemText removes what a text editor has put around the text.
func pemText(b []byte) []byte {
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		b = fromUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		b = fromUTF16(b[2:], binary.BigEndian)
	}
	return bytes.ReplaceAll(b, pemTouches, pemApart)
}

func fromUTF16(b []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// countBegins counts the lines that begin a block.
func countBegins(b []byte) int {
	n := bytes.Count(b, append([]byte("\n"), pemBegin...))
	if bytes.HasPrefix(b, pemBegin) {
		n++
	}
	return n
}
