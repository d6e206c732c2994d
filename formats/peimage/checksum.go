package peimage

import (
	"encoding/binary"
	"math/bits"
)

// onesSum is a sum of little endian 16-bit words with end-around carry, folded to 16
// bits. 0 stands for "all words are 0" only; any other multiple of 65535 is 65535. The
// order of adding does not matter, so sums of parts can be combined.
//
// CheckSumMappedFile in imagehlp.dll defines the PE checksum as such a sum plus the
// size of the file.
type onesSum uint16

func fold(v uint64) onesSum {
	for v > 0xffff {
		v = v>>16 + v&0xffff
	}
	return onesSum(v)
}

func (s onesSum) add(t onesSum) onesSum { return fold(uint64(s) + uint64(t)) }

// subtract takes t out of a sum that contains it and something else that is not zero.
func (s onesSum) subtract(t onesSum) onesSum { return fold(uint64(s) + uint64(^t)) }

func (s onesSum) checksum(size int64) uint32 { return uint32(int64(s) + size) }

// sumWords adds up p as if it started at an even offset; a last odd byte counts as the
// low half of a word. 64-bit additions with end-around carry give the same result as
// 16-bit ones since 65535 divides 2^64-1.
func sumWords(p []byte) onesSum {
	var sum, carry uint64
	for len(p) >= 32 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[8:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[16:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(p[24:]), carry)
		p = p[32:]
	}
	var tail [32]byte
	copy(tail[:], p)
	for i := 0; i < len(tail); i += 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(tail[i:]), carry)
	}
	return fold(sum).add(onesSum(carry))
}

// sumAt adds up p as it counts at offset off of a file.
func sumAt(p []byte, off int64) onesSum {
	if off%2 == 0 || len(p) == 0 {
		return sumWords(p)
	}
	return onesSum(uint16(p[0]) << 8).add(sumWords(p[1:]))
}

// sumSink adds up the bytes before and after split.
type sumSink struct {
	split      int64
	head, tail onesSum
}

func (s *sumSink) write(p []byte, off int64) {
	n := int(max(0, min(int64(len(p)), s.split-off)))
	s.head = s.head.add(sumAt(p[:n], off))
	s.tail = s.tail.add(sumAt(p[n:], off+int64(n)))
}

// checksumField is what the CheckSum field adds to the sum of the file.
func (im *Image) checksumField() onesSum {
	return sumAt(binary.LittleEndian.AppendUint32(nil, im.CheckSum), im.ChecksumOffset)
}

// directoryField is what the directory entry of the certificate table adds to the sum of the file.
func (im *Image) directoryField() onesSum {
	if im.SecurityDirOffset == 0 {
		return 0
	}
	return sumAt(directoryEntry(im.securityDir), im.SecurityDirOffset)
}

func directoryEntry(d Directory) []byte {
	b := binary.LittleEndian.AppendUint32(nil, d.Address)
	return binary.LittleEndian.AppendUint32(b, d.Size)
}
