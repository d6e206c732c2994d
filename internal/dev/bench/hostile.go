package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

// Bars of files that are made to be expensive: file:verify may take 64 MB and
// twice the signature's size, and some seconds beyond hashing.
const (
	hostileMemory = 64e6
	hostileTime   = float64(5 * time.Second)
)

// attack is a signature in which one part is repeated absurdly often.
type attack struct {
	what string
	make func(good []byte) []byte
}

var attacks = []attack{
	{"1,000,000 certificates of 5 bytes", func(b []byte) []byte {
		return rebuilt(b, 3, bytes.Repeat([]byte{0x30, 3, 2, 1, 0}, 1_000_000))
	}},
	{"2,000,000 digest algorithms", func(b []byte) []byte {
		return rebuilt(b, 1, bytes.Repeat([]byte{0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1}, 2_000_000))
	}},
	{"20,000 signers", func(b []byte) []byte {
		signers := part(b, 4)
		return rebuilt(b, 4, bytes.Repeat(content(signers), 20_000))
	}},
}

// hostileFiles verifies a program with each of them, and a huge sparse file.
func (s *session) hostileFiles(ctx context.Context) error {
	if _, err := s.once(ctx, s.oursSigns(s.in.small, s.out("ours"), false)); err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(s.out("ours"), filepath.Base(s.in.small)))
	if err != nil {
		return err
	}
	offset, good, err := signature(signed)
	if err != nil {
		return err
	}
	for _, a := range attacks {
		p7 := a.make(good)
		path := filepath.Join(s.dir, "hostile.exe")
		if err := os.WriteFile(path, withTable(signed[:offset], p7), 0o600); err != nil {
			return err
		}
		if err := s.refusedCheaply(ctx, a.what, path, float64(2*len(p7))); err != nil {
			return err
		}
	}
	return s.sparseFile(ctx, signed)
}

// sparseFile is larger than any file that Windows verifies.
func (s *session) sparseFile(ctx context.Context, signed []byte) error {
	path := filepath.Join(s.dir, "sparse.exe")
	if err := os.WriteFile(path, signed, 0o600); err != nil {
		return err
	}
	defer os.Remove(path)
	if err := os.Truncate(path, 5<<30); err != nil {
		return err
	}
	return s.refusedCheaply(ctx, "a sparse file of 5 GiB", path, 0)
}

// refusedCheaply has file:verify look at a file that it has to refuse.
func (s *session) refusedCheaply(ctx context.Context, what, path string, more float64) error {
	u, err := s.once(ctx, command{args: []string{s.self, "file:verify", "-in=" + path}, dir: s.dir})
	if err == nil {
		return fmt.Errorf("%s: the file was not refused", what)
	}
	if u.Wall == 0 {
		return err
	}
	s.table.add("hostile, "+what+": wall time", wall(u), hostileTime, duration)
	s.table.add("hostile, "+what+": peak memory", rss(u), hostileMemory+more, size)
	return nil
}

// signature returns where the certificate table of a file with one signature
// begins, and the signature.
func signature(file []byte) (int64, []byte, error) {
	p7, err := authenticode.Extract(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return 0, nil, err
	}
	at := bytes.LastIndex(file, p7)
	if at < 8 {
		return 0, nil, fmt.Errorf("the signature is not where it should be")
	}
	return int64(at - 8), p7, nil
}

// withTable gives content a certificate table with one signature. The size in
// the header is that of the new table.
func withTable(content, p7 []byte) []byte {
	entry := make([]byte, 8, 8+len(p7)+8)
	entry = append(entry, p7...)
	for len(entry)%8 != 0 {
		entry = append(entry, 0)
	}
	binary.LittleEndian.PutUint32(entry, uint32(len(entry)))
	binary.LittleEndian.PutUint16(entry[4:], 0x0200)
	binary.LittleEndian.PutUint16(entry[6:], 2)
	out := append(bytes.Clone(content), entry...)
	pe := binary.LittleEndian.Uint32(out[0x3c:])
	directories := pe + 24 + 112 // PE32+
	binary.LittleEndian.PutUint32(out[directories+4*8+4:], uint32(len(entry)))
	return out
}

// The signature is SEQUENCE { OID, [0] { SEQUENCE { version, digestAlgorithms,
// contentInfo, [0] certificates, signerInfos } } }.

// children splits the content of a constructed element.
func children(der []byte) [][]byte {
	var out [][]byte
	for rest := content(der); len(rest) > 0; {
		n := len(rest) - len(after(rest))
		out = append(out, rest[:n])
		rest = rest[n:]
	}
	return out
}

// header returns the sizes of an element's header and content.
func header(der []byte) (head, body int) {
	if der[1] < 0x80 {
		return 2, int(der[1])
	}
	n := int(der[1] & 0x7f)
	for _, b := range der[2 : 2+n] {
		body = body<<8 | int(b)
	}
	return 2 + n, body
}

func content(der []byte) []byte {
	head, body := header(der)
	return der[head : head+body]
}

func after(der []byte) []byte {
	head, body := header(der)
	return der[head+body:]
}

func wrap(tag byte, body []byte) []byte {
	return append(append([]byte{tag, 0x84}, binary.BigEndian.AppendUint32(nil, uint32(len(body)))...), body...)
}

// part returns a field of the SignedData.
func part(p7 []byte, i int) []byte {
	return children(content(children(p7)[1]))[i]
}

// rebuilt puts more into a field of the SignedData.
func rebuilt(p7 []byte, i int, more []byte) []byte {
	outer := children(p7)
	fields := children(content(outer[1]))
	fields[i] = wrap(fields[i][0], append(bytes.Clone(content(fields[i])), more...))
	signedData := wrap(0x30, bytes.Join(fields, nil))
	return wrap(0x30, append(bytes.Clone(outer[0]), wrap(0xa0, signedData)...))
}
