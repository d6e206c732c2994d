package catalog

import (
	"fmt"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// checkPE holds an image to what wintrust checks before it hashes one (10.0.15063): the
// rules of peimage, and that the certificate table, if there is one, ends the file. It
// does not look into that table. With page hashes it has to know the machine.
func checkPE(im *peimage.Image, pageHashes bool) error {
	for _, f := range im.Findings() {
		if entry := im.HasSignature() && f.Offset >= im.CertTable.Offset && f.Offset < im.CertTable.End(); entry {
			continue
		}
		if f.Rule == peimage.RuleTableAlignment && im.CertTable.Offset%4 == 0 {
			continue // 8 is what a signature needs
		}
		return f
	}
	if pageHashes && !knownMachine(im) {
		return &peimage.FormatError{Offset: im.HeaderOffset + 4, Field: "Machine", Problem: fmt.Sprintf("is 0x%x, for which there are no page hashes", im.Machine)}
	}
	return nil
}

// knownMachine says that wintrust makes page hashes for the machine: it wants to know
// how large its pages are, and PE32 or PE32+ as it knows it. Itanium has other pages
// than we write.
func knownMachine(im *peimage.Image) bool {
	if im.PE32Plus {
		return im.Machine == peimage.MachineAMD64 || im.Machine == peimage.MachineARM64
	}
	// i386, ARM, Thumb, ARMNT, CHPE
	return slices.Contains([]uint16{peimage.Machine386, 0x1c0, 0x1c2, peimage.MachineARMNT, 0x3a64}, im.Machine)
}
