package catalog

import (
	"context"
	"crypto"
	"encoding/binary"
	"fmt"
	"io"
)

// CFHEADER of a cabinet (Microsoft, "Microsoft Cabinet Format"): sizes and offsets in bytes.
const (
	cabHeaderSize    = 36
	cabSizeOffset    = 8  // cbCabinet, uint32
	cabFlagsOffset   = 30 // uint16
	cabReserveOffset = 36 // cbCFHeader, present with the flag below; two bytes
	cabFolderReserve = 38 // cbCFFolder and cbCFData, one byte each
	cabReserveFlag   = 0x0004
	// The reserved area of a cabinet that is signed, or that has room for a signature, holds 20 bytes: the signature's offset and
	// size are among them.
	cabSignatureRoom   = 20
	cabSignatureOffset = 44 // uint32
	cabReserveEnd      = 60
)

// CabinetError says what is wrong with a cabinet.
type CabinetError struct {
	Offset  int64
	Field   string
	Problem string
}

func (e *CabinetError) Error() string {
	return fmt.Sprintf("cabinet: %s at offset 0x%x: %s", e.Field, e.Offset, e.Problem)
}

// digestCAB hashes a cabinet as Microsoft's SIP does (measured on wintrust 10.0.15063): everything but reserved1 (offset 4)
// and, where there is room for a signature, but cbCFHeader, the reserved area of the header and the signature.
func digestCAB(ctx context.Context, r io.ReaderAt, size int64, hashes []crypto.Hash) (*Digests, error) {
	spans, err := cabSpans(r, size)
	if err != nil {
		return nil, unlistable(err)
	}
	d := &Digests{Kind: KindCAB}
	if d.Hash, err = hashSpans(ctx, r, spans, hashes); err != nil {
		return nil, err
	}
	d.Enhanced, err = hashSpans(ctx, r, []span{{cabSizeOffset, 4}}, hashes)
	return d, err
}

func cabSpans(r io.ReaderAt, size int64) ([]span, error) {
	if size < cabHeaderSize {
		return nil, &CabinetError{0, "header", fmt.Sprintf("the file has %d bytes, the header %d", size, cabHeaderSize)}
	}
	head := make([]byte, min(size, cabReserveEnd))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading cabinet header: %w", err)
	}
	if binary.LittleEndian.Uint16(head[cabFlagsOffset:])&cabReserveFlag == 0 {
		return []span{{0, 4}, {8, size - 8}}, nil
	}
	if len(head) < cabReserveEnd {
		return nil, &CabinetError{cabReserveOffset, "reserved area", fmt.Sprintf("the file ends at 0x%x, inside it", size)}
	}
	if n := binary.LittleEndian.Uint16(head[cabReserveOffset:]); n != cabSignatureRoom {
		return nil, &CabinetError{cabReserveOffset, "cbCFHeader", fmt.Sprintf("%d bytes are reserved; Windows hashes cabinets with none or with %d", n, cabSignatureRoom)}
	}
	end := size
	if at := int64(binary.LittleEndian.Uint32(head[cabSignatureOffset:])); at != 0 {
		if at < cabReserveEnd || at > size {
			return nil, &CabinetError{cabSignatureOffset, "signature offset", fmt.Sprintf("0x%x is outside the file of 0x%x bytes", at, size)}
		}
		end = at
	}
	return []span{{0, 4}, {8, cabReserveOffset - 8}, {cabFolderReserve, 2}, {cabReserveEnd, end - cabReserveEnd}}, nil
}
