package cipolicy

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// GUID is a Microsoft GUID in the byte order in which binaries hold it: the
// first three fields little-endian, the last eight bytes as written.
type GUID [16]byte

// guidOrder maps the bytes of the text form to their place in a GUID.
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// ParseGUID reads the text form, with or without braces, in any case:
// {2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}.
func ParseGUID(s string) (GUID, error) {
	t := s
	if strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") {
		t = t[1 : len(t)-1]
	}
	var g GUID
	if len(t) != 36 || t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-' {
		return g, fmt.Errorf("%q is not a GUID such as {2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}", s)
	}
	b, err := hex.DecodeString(t[0:8] + t[9:13] + t[14:18] + t[19:23] + t[24:])
	if err != nil {
		return g, fmt.Errorf("%q is not a GUID: it must consist of hexadecimal digits", s)
	}
	for i, v := range b {
		g[guidOrder[i]] = v
	}
	return g, nil
}

// NewGUID makes a GUID of the first 16 bytes of b, in the order in which the
// text form shows them, which is that of RFC 9562. It sets the variant and the
// version, 1 to 8, as section 4 says. With a hash as b that is a GUID which the
// same input gives again. It panics if b is shorter.
func NewGUID(b []byte, version int) GUID {
	var g GUID
	for i, v := range b[:16] {
		g[guidOrder[i]] = v
	}
	g[guidOrder[6]] = b[6]&0x0F | byte(version)<<4
	g[guidOrder[8]] = b[8]&0x3F | 0x80
	return g
}

// MustGUID is ParseGUID for constants. It panics if s is not a GUID.
func MustGUID(s string) GUID {
	g, err := ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}

// String returns the form that policies use: braces, upper case.
func (g GUID) String() string {
	var b [16]byte
	for i := range b {
		b[i] = g[guidOrder[i]]
	}
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return "{" + h[0:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + "}"
}

// Bare returns the GUID without braces, as Intune's policy paths write it.
func (g GUID) Bare() string {
	return strings.Trim(g.String(), "{}")
}

// IsZero reports whether all bits of the GUID are zero.
func (g GUID) IsZero() bool {
	return g == GUID{}
}

// Identities that Windows knows (Microsoft Learn, "Deploy App Control policies
// using script", and the policies that ship with Windows).
var (
	// PlatformWindows is the PlatformID of every policy for Windows.
	PlatformWindows = MustGUID("{2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}")
	// SinglePolicyType is the PolicyTypeID of the one enterprise policy of the
	// single-policy format, deployed as SiPolicy.p7b.
	SinglePolicyType = MustGUID("{A244370E-44C9-4C06-B551-F6016E563076}")
	// LockdownPolicy is the policy of Windows in S mode.
	LockdownPolicy = MustGUID("{5951A96A-E0B5-4D3D-8FB8-3E5B61030784}")
	revokePolicy   = MustGUID("{2A5A0136-F09F-498E-99CC-51099011157C}")
	driverPolicy   = MustGUID("{D2BDA982-CCF6-4344-AC5B-0B44427B6816}")
)
