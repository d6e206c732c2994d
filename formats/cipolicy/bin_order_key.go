package cipolicy

import "unicode"

// The compiler compares file rules by kind, then by the texts of
// FileRule.texts, then by hash; versions and AppIDs do not count. Texts compare
// as .NET's OrdinalIgnoreCase does, UTF-16 unit by unit after simple upper-casing,
// and an absent text comes before any present one. A sort key is a string of
// bytes that compares the same way.

// sortKey returns the key of a file rule.
func (r *FileRule) sortKey() string {
	kinds := map[RuleKind]byte{Deny: 0, Allow: 1, FileAttrib: 2}
	key := make([]byte, 0, 64)
	key = append(key, kinds[r.Kind])
	for _, t := range r.texts() {
		key = appendTextKey(key, t)
	}
	return string(append(key, r.Hash...))
}

// sortKey returns the key of a secure setting.
func (s *Setting) sortKey() string {
	var key []byte
	for _, t := range []string{s.Provider, s.Key, s.ValueName} {
		key = appendTextKey(key, Some(t))
	}
	return string(key)
}

// appendTextKey appends two zero bytes for an absent text, otherwise 00 01, the
// upper-cased units in big-endian order and two zero bytes. XML cannot hold a
// zero unit, so the end of a text comes before any further unit.
func appendTextKey(key []byte, t Optional[string]) []byte {
	if !t.Set {
		return append(key, 0, 0)
	}
	key = append(key, 0, 1)
	for _, r := range t.Value {
		if r < 0x10000 {
			u := upper(r)
			key = append(key, byte(u>>8), byte(u))
			continue
		}
		// .NET upper-cases single UTF-16 units, so surrogates stay as they are.
		utf := appendUTF16(nil, r)
		key = append(key, utf[1], utf[0], utf[3], utf[2])
	}
	return append(key, 0, 0)
}

// upper is the simple upper-case mapping of the invariant culture. It leaves
// dotless i and long s alone, which Unicode maps to I and S.
func upper(r rune) rune {
	if r < 0x80 {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	if r == 'ı' || r == 'ſ' {
		return r
	}
	if u := unicode.ToUpper(r); u < 0x10000 {
		return u
	}
	return r
}
