package peimage_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// Read a program's layout, then its Authentihash and its checksum in one pass.
func ExampleParse() {
	program := bytes.NewReader(formatstest.TinyProgram())
	image, err := peimage.Parse(program, program.Size())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("machine 0x%x, %d section, signed: %v\n", image.Machine, len(image.Sections), image.HasSignature())

	digests, err := image.Digest(context.Background(), program, peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}, Checksum: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Authentihash %x\n", digests.Authentihash[crypto.SHA256])
	fmt.Printf("checksum 0x%08x, in the header 0x%08x\n", digests.Checksum, image.CheckSum)
	// Output:
	// machine 0x8664, 1 section, signed: false
	// Authentihash a80319e5a9fc9271c34b5bcd68145968ebcfcd5515362892ebec34c5ceedd2ba
	// checksum 0x0000e5ab, in the header 0x00000000
}

// A file that is damaged gives an error with the place and the field.
func ExampleFormatError() {
	damaged := formatstest.TinyProgram()
	damaged[0x40] = 'X'
	_, err := peimage.Parse(bytes.NewReader(damaged), int64(len(damaged)))
	var format *peimage.FormatError
	if errors.As(err, &format) {
		fmt.Printf("offset 0x%x, %s\n", format.Offset, format.Field)
	}
	// Output: offset 0x40, PE signature
}
