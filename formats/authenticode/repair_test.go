package authenticode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// staleCase is a file whose directory entry names no sound table, and what is left of
// it without the entry.
type staleCase struct {
	file    []byte
	keeps   []byte // the end of the repaired file
	removed bool   // a damaged table goes
}

// staleCases are made from a signed and an unsigned program.
func staleCases(t *testing.T) map[string]staleCase {
	t.Helper()
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	whole := signed(t, program, authenticode.SignOptions{Signer: signer(formatstest.NewPKI(t).Leaf)})
	im := parsePE(t, whole)
	at, table := im.CertTable.Offset, whole[im.CertTable.Offset:]
	entry := func(b []byte, address, size uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[im.SecurityDirOffset:], address)
		binary.LittleEndian.PutUint32(b[im.SecurityDirOffset+4:], size)
		return b
	}
	size := uint32(len(table))
	noise := bytes.Repeat([]byte("resource"), 70)
	garbled := bytes.Clone(whole)
	copy(garbled[at:], noise[:16])
	return map[string]staleCase{
		"address only":    {file: entry(program, 0x1234, 0), keeps: program[len(program)-64:]},
		"size only":       {file: entry(program, 0, 0x1234), keeps: program[len(program)-64:]},
		"size zeroed":     {file: entry(whole, uint32(at), 0), keeps: table},
		"cut off":         {file: whole[:at], keeps: program[len(program)-64:]},
		"half of it left": {file: whole[:int(at)+len(table)/2], keeps: table[:len(table)/2]},
		"grown":           {file: append(append(bytes.Clone(whole[:at]), noise...), table...), keeps: table},
		"shrunk":          {file: append(bytes.Clone(whole[:at-512]), table...), keeps: table},
		"appended":        {file: append(bytes.Clone(whole), noise...), keeps: noise},
		"in the headers":  {file: entry(program, 0x40, 0x100), keeps: program[len(program)-64:]},
		"overwritten":     {file: garbled, keeps: table[16:]},
		"three bytes off": {file: entry(whole[:len(whole)-3], uint32(at), size-3), keeps: table[:len(table)-3]},
		"odd size":        {file: entry(append(bytes.Clone(whole), 0, 0, 0), uint32(at), size+3), removed: true},
	}
}

func parsePE(t *testing.T, b []byte) *peimage.Image {
	t.Helper()
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// TestRepair: without it a stale entry is refused by everything that needs a table, and
// named; with it the file is stripped and signed, no byte is lost but a damaged table,
// and both other readers take the result.
func TestRepair(t *testing.T) {
	p := formatstest.NewPKI(t)
	root := formatstest.PEMFile(t, p.Root)
	var paths, names []string
	for name, c := range staleCases(t) {
		o := authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true}
		var stale *authenticode.StaleError
		if _, err := authenticode.Extract(bytes.NewReader(c.file), int64(len(c.file))); !errors.As(err, &stale) {
			t.Errorf("%s: extracting: %v", name, err)
		}
		if err := authenticode.Strip(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), &bytes.Buffer{}, peimage.StripOptions{}); !errors.As(err, &stale) {
			t.Errorf("%s: stripping: %v", name, err)
		}
		half := strings.HasSuffix(name, "only") || name == "size zeroed" // unsigned, for Windows' signer too
		if _, _, err := sign(c.file, o); errors.As(err, &stale) == half {
			t.Errorf("%s: signing: %v", name, err)
		}
		var out bytes.Buffer
		dropped, err := authenticode.StripRepair(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), &out, peimage.StripOptions{})
		if err != nil || dropped == nil || dropped.Removed > 0 != c.removed || !bytes.HasSuffix(out.Bytes(), c.keeps) {
			t.Errorf("%s: stripped: %v, dropped %v, %d bytes", name, err, dropped, out.Len())
			continue
		}
		if im := parsePE(t, out.Bytes()); im.Check() != nil || im.Stale() != nil || im.HasSignature() || !c.removed && out.Len() != len(c.file) {
			t.Errorf("%s: the stripped file: %v, %v, %d bytes", name, im.Check(), im.Stale(), out.Len())
		}
		o.Existing = authenticode.ExistingRepair
		r, b, err := sign(c.file, o)
		if err != nil || r.Dropped == nil {
			t.Errorf("%s: repaired and signed: %v, dropped %v", name, err, r)
			continue
		}
		if _, again, err := sign(out.Bytes(), authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true}); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: stripped and signed is another file: %v", name, err)
		}
		path := writeTemp(t, b)
		if ok, said := formatstest.VerifyOssl(t, path, root, ""); !ok {
			t.Errorf("%s: osslsigncode refuses it:\n%s", name, said)
		}
		paths, names = append(paths, path), append(names, name)
	}
	for i, v := range formatstest.NewRig(t).Verify(paths...) {
		if !v.OK() {
			t.Errorf("%s: Microsoft's verifier: %v", names[i], v)
		}
	}
}

// TestRepairKeepsSound: what needs no repair is left to the other policies.
func TestRepairKeepsSound(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	o := authenticode.SignOptions{Signer: signer(p.Leaf), Existing: authenticode.ExistingRepair}
	r, b, err := sign(program, o)
	if err != nil || r.Dropped != nil {
		t.Fatalf("an unsigned program: %v, dropped %v", err, r.Dropped)
	}
	if _, _, err := sign(b, o); !errors.Is(err, authenticode.ErrSigned) {
		t.Errorf("a sound signature: %v", err)
	}
	var out bytes.Buffer
	if stale, err := authenticode.StripRepair(t.Context(), bytes.NewReader(b), int64(len(b)), &out, peimage.StripOptions{}); err != nil || stale != nil || !bytes.Equal(out.Bytes(), program) {
		t.Errorf("stripping a sound signature: %v, dropped %v", err, stale)
	}
}
