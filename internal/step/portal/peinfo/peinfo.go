// Package peinfo describes a finished program for the evidence of a release:
// hashes, headers, and what the Go compiler recorded about its build.
package peinfo

import (
	"context"
	"crypto"
	_ "crypto/md5" // analysts' databases still list files by MD5
	_ "crypto/sha1"
	_ "crypto/sha256"
	"debug/buildinfo"
	"debug/pe"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Info is what metadata.json says about a program.
type Info struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	// Hashes of the whole file.
	SHA256 string `json:"sha256"`
	SHA1   string `json:"sha1"`
	MD5    string `json:"md5"`
	// The Authentihash leaves out the signature; App Control rules name it.
	AuthentihashSHA256 string `json:"authentihash_sha256"`
	AuthentihashSHA1   string `json:"authentihash_sha1"`
	// The hash of the first page, which App Control rules name too.
	FirstPageSHA256 string `json:"first_page_sha256"`
	FirstPageSHA1   string `json:"first_page_sha1"`

	Machine       string `json:"machine"`
	Subsystem     string `json:"subsystem"`
	TimeDateStamp uint32 `json:"time_date_stamp"`
	CheckSum      string `json:"checksum"`
	// Packing describes what the sections look like; see Packed.
	Packing  string    `json:"packing"`
	Sections []Section `json:"sections"`

	Go *Build `json:"go,omitempty"`
}

// Section of the program.
type Section struct {
	Name    string  `json:"name"`
	Size    uint32  `json:"size"`
	Entropy float64 `json:"entropy"` // bits a byte, 0 to 8
}

// Build is what the Go compiler recorded.
type Build struct {
	Version  string            `json:"version"`
	Package  string            `json:"package"`
	Module   string            `json:"module"`
	Settings map[string]string `json:"settings"`
	Modules  []Module          `json:"modules"`
}

// Module that was compiled in.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"`
}

// Read describes the program of size bytes in f; file is the name to show.
func Read(ctx context.Context, f io.ReaderAt, size int64, file string) (*Info, error) {
	im, err := peimage.Parse(f, size)
	if err != nil {
		return nil, err
	}
	auth := []crypto.Hash{crypto.SHA256, crypto.SHA1}
	d, err := im.Digest(ctx, f, peimage.Request{Authentihash: auth, FirstPage: auth, Flat: append(auth, crypto.MD5)})
	if err != nil {
		return nil, err
	}
	info := &Info{
		File: file, Size: size,
		SHA256: hexOf(d.Flat, crypto.SHA256), SHA1: hexOf(d.Flat, crypto.SHA1), MD5: hexOf(d.Flat, crypto.MD5),
		AuthentihashSHA256: hexOf(d.Authentihash, crypto.SHA256), AuthentihashSHA1: hexOf(d.Authentihash, crypto.SHA1),
		FirstPageSHA256: hexOf(d.FirstPage, crypto.SHA256), FirstPageSHA1: hexOf(d.FirstPage, crypto.SHA1),
		Machine: machine(im.Machine), Subsystem: subsystem(im.Subsystem),
		TimeDateStamp: im.TimeDateStamp, CheckSum: fmt.Sprintf("0x%08X", im.CheckSum),
	}
	if err := info.sections(f); err != nil {
		return nil, err
	}
	info.Go = buildOf(f)
	return info, nil
}

func hexOf(m map[crypto.Hash][]byte, h crypto.Hash) string { return hex.EncodeToString(m[h]) }

// machine names the values that Go compiles for (PE format, Machine Types).
func machine(m uint16) string {
	switch m {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "x64"
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "ARM64"
	case pe.IMAGE_FILE_MACHINE_I386:
		return "x86"
	}
	return fmt.Sprintf("0x%04X", m)
}

// subsystem names the usual values (PE format, Windows Subsystem).
func subsystem(s uint16) string {
	switch s {
	case pe.IMAGE_SUBSYSTEM_WINDOWS_GUI:
		return "Windows GUI"
	case pe.IMAGE_SUBSYSTEM_WINDOWS_CUI:
		return "Windows console"
	case pe.IMAGE_SUBSYSTEM_NATIVE:
		return "native"
	}
	return fmt.Sprint(s)
}

// packedEntropy is where compressed or encrypted data begins to be told from
// code, in bits a byte.
const packedEntropy = 7.2

func (i *Info) sections(r io.ReaderAt) error {
	f, err := pe.NewFile(r)
	if err != nil {
		return fmt.Errorf("reading the sections: %v", err)
	}
	var signs []string
	for _, s := range f.Sections {
		e, err := entropy(s.Open())
		if err != nil {
			return fmt.Errorf("reading section %s: %v", s.Name, err)
		}
		i.Sections = append(i.Sections, Section{s.Name, s.Size, math.Round(e*100) / 100})
		if strings.HasPrefix(s.Name, "UPX") {
			signs = append(signs, "section "+s.Name+" of the packer UPX")
		} else if e > packedEntropy && s.Characteristics&pe.IMAGE_SCN_CNT_CODE != 0 {
			signs = append(signs, "code section "+s.Name+" looks compressed")
		}
	}
	i.Packing = "none"
	if len(signs) > 0 {
		i.Packing = strings.Join(signs, ", ")
	}
	return nil
}

// entropy is Shannon's, in bits a byte.
func entropy(r io.Reader) (float64, error) {
	var count [256]int
	total := 0
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			count[c]++
		}
		total += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	e := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(total)
			e -= p * math.Log2(p)
		}
	}
	return e, nil
}

// buildOf reads Go's build information; a program without any gives nil.
func buildOf(r io.ReaderAt) *Build {
	bi, err := buildinfo.Read(r)
	if err != nil {
		return nil
	}
	b := &Build{Version: bi.GoVersion, Package: bi.Path, Module: bi.Main.Path, Settings: map[string]string{}}
	for _, s := range bi.Settings {
		b.Settings[s.Key] = s.Value
	}
	for _, m := range bi.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Modules = append(b.Modules, Module{m.Path, m.Version, m.Sum})
	}
	return b
}
