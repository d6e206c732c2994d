package formatstest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"time"
)

// The purposes of SelfSigned.
var (
	CodeSigning  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	TimeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

// TinyProgram is the smallest program that examples show: a 64-bit PE file of
// 1 KiB with one section, whose code returns at once.
func TinyProgram() []byte {
	b := make([]byte, 1024)
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	const pe, optional, section = 0x40, 0x58, 0x148
	copy(b, "MZ")
	put32(0x3c, pe)
	copy(b[pe:], "PE\x00\x00")
	put16(pe+4, 0x8664) // AMD64
	put16(pe+6, 1)      // sections
	put16(pe+20, section-optional)
	put16(pe+22, 0x0022) // executable, large addresses
	put16(optional, 0x20b)
	put32(optional+4, 0x200)   // SizeOfCode
	put32(optional+16, 0x1000) // AddressOfEntryPoint
	put32(optional+20, 0x1000) // BaseOfCode
	put32(optional+24, 0x400000)
	put32(optional+32, 0x1000) // SectionAlignment
	put32(optional+36, 0x200)  // FileAlignment
	put16(optional+40, 6)      // operating system version
	put16(optional+48, 6)      // subsystem version
	put32(optional+56, 0x2000) // SizeOfImage
	put32(optional+60, 0x200)  // SizeOfHeaders
	put16(optional+68, 3)      // console
	put32(optional+108, 16)    // directories
	copy(b[section:], ".text")
	put32(section+8, 1)       // VirtualSize
	put32(section+12, 0x1000) // VirtualAddress
	put32(section+16, 0x200)  // SizeOfRawData
	put32(section+20, 0x200)  // PointerToRawData
	put32(section+36, 0x60000020)
	b[0x200] = 0xc3 // ret
	return b
}

// SelfSigned makes a key and a certificate of its own for a purpose, valid for an
// hour. It panics if that fails: it is for examples.
func SelfSigned(name string, purpose asn1.ObjectIdentifier) (crypto.Signer, *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{purpose})
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return key, cert
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
