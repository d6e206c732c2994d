package rules

import (
	"fmt"
	"strings"
)

// Level says what a rule pins of a file.
type Level string

// The levels. A file that a level cannot describe falls to the next fallback.
const (
	// Hash pins the file: Authenticode SHA-1 and SHA-256, and both of the first page.
	Hash Level = "Hash"
	// FileName pins a name in the version resource, see NameSource.
	FileName Level = "FileName"
	// FilePath pins where the file lies. User mode only.
	FilePath Level = "FilePath"
	// SignedVersion pins the publisher and a minimum version.
	SignedVersion Level = "SignedVersion"
	// Publisher pins the certificate below the root and the name of the leaf.
	Publisher Level = "Publisher"
	// FilePublisher pins the publisher, the original file name and a minimum version.
	FilePublisher Level = "FilePublisher"
	// LeafCertificate pins the certificate that signed.
	LeafCertificate Level = "LeafCertificate"
	// PcaCertificate pins the highest embedded certificate below the root.
	PcaCertificate Level = "PcaCertificate"
	// RootCertificate pins the root, where the signature embeds it.
	RootCertificate Level = "RootCertificate"
)

var levels = []Level{Hash, FileName, FilePath, SignedVersion, Publisher, FilePublisher, LeafCertificate, PcaCertificate, RootCertificate}

// ParseLevel reads the name of a level, in any case.
func ParseLevel(s string) (Level, error) {
	names := make([]string, len(levels))
	for i, l := range levels {
		if strings.EqualFold(s, string(l)) {
			return l, nil
		}
		names[i] = string(l)
	}
	return "", fmt.Errorf("%q is not a level: use %s", s, strings.Join(names, ", "))
}

// NameSource is the SpecificFileNameLevel of ConfigCI: the attribute by which
// the level FileName knows a file.
type NameSource string

// The sources that a file itself has. ConfigCI's PackageFamilyName is a property
// of the package that a file is installed with, and FilePath is a level here.
const (
	OriginalFileName NameSource = "OriginalFileName"
	InternalName     NameSource = "InternalName"
	FileDescription  NameSource = "FileDescription"
	ProductName      NameSource = "ProductName"
)

// ParseNameSource reads the name of a source, in any case; "" is OriginalFileName.
func ParseNameSource(s string) (NameSource, error) {
	if s == "" {
		return OriginalFileName, nil
	}
	for _, n := range []NameSource{OriginalFileName, InternalName, FileDescription, ProductName} {
		if strings.EqualFold(s, string(n)) {
			return n, nil
		}
	}
	return "", fmt.Errorf("%q is not a file name attribute: use OriginalFileName, InternalName, FileDescription or ProductName", s)
}

// of returns the attribute of a file.
func (n NameSource) of(f *File) string {
	switch n {
	case InternalName:
		return f.InternalName
	case FileDescription:
		return f.FileDescription
	case ProductName:
		return f.ProductName
	}
	return f.OriginalFilename
}

// Mode says for which kind of code rules are made.
type Mode int

const (
	// ModeAuto makes kernel-mode rules for drivers and user-mode rules for
	// everything else.
	ModeAuto Mode = iota
	ModeUser
	ModeKernel
	// ModeBoth makes every rule twice.
	ModeBoth
)

// ParseMode reads auto, user, kernel or both; "" is auto.
func ParseMode(s string) (Mode, error) {
	for m, name := range []string{"auto", "user", "kernel", "both"} {
		if s == name || s == "" {
			return Mode(m), nil
		}
	}
	return 0, fmt.Errorf("%q is not a mode: use auto, user, kernel or both", s)
}

func (m Mode) kernel(f *File) bool {
	return m == ModeKernel || m == ModeBoth || m == ModeAuto && f.Native
}

func (m Mode) user(f *File) bool {
	return m == ModeUser || m == ModeBoth || m == ModeAuto && !f.Native
}
