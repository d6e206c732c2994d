package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// simpleType judges a text and returns what is wrong with it, "" if nothing.
type simpleType func(s string) string

// Collapse removes white space at both ends, as XML Schema does for every type
// but xs:string before it judges a value.
func Collapse(s string) string {
	return strings.Trim(s, " \t\r\n")
}

func anyText(string) string { return "" }

func hexBinary(s string) string {
	s = Collapse(s)
	if len(s)%2 != 0 {
		return "an odd number of hexadecimal digits"
	}
	for i := 0; i < len(s); i++ {
		if !isHex(s[i]) {
			return fmt.Sprintf("%q is not a hexadecimal digit", s[i])
		}
	}
	return ""
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexOf(size int) simpleType {
	return func(s string) string {
		if reason := hexBinary(s); reason != "" {
			return reason
		}
		if n := len(Collapse(s)) / 2; n != size {
			return fmt.Sprintf("%d bytes, must be %d", n, size)
		}
		return ""
	}
}

func unsigned(bits int) simpleType {
	return func(s string) string {
		if _, err := strconv.ParseUint(strings.TrimPrefix(Collapse(s), "+"), 10, bits); err != nil {
			return fmt.Sprintf("not a number from 0 to %d", uint64(1)<<bits-1)
		}
		return ""
	}
}

func boolean(s string) string {
	switch Collapse(s) {
	case "true", "false", "1", "0":
		return ""
	}
	return "not true or false"
}

func guid(s string) string {
	if len(s) != 38 || s[0] != '{' || s[37] != '}' {
		return "not a GUID in braces such as {2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}"
	}
	for i := 1; i < 37; i++ {
		dash := i == 9 || i == 14 || i == 19 || i == 24
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return "not a GUID in braces such as {2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}"
		}
	}
	return ""
}

// oneOf is an enumeration; case and spaces count.
func oneOf(values ...string) simpleType {
	return func(s string) string {
		for _, v := range values {
			if s == v {
				return ""
			}
		}
		for _, v := range values {
			if strings.EqualFold(Collapse(s), v) {
				return fmt.Sprintf("did you mean %q? Case and spaces count", v)
			}
		}
		if len(values) > 4 {
			return "not a name that the schema knows"
		}
		return "not one of " + strings.Join(values, ", ")
	}
}

// id is the pattern PREFIX[A-Z][_A-Z0-9]* for any of the prefixes.
func id(prefixes ...string) simpleType {
	return func(s string) string {
		for _, p := range prefixes {
			if rest, ok := strings.CutPrefix(s, p); ok && isIDTail(rest) {
				return ""
			}
		}
		return "not " + strings.Join(prefixes, " or ") + " followed by a capital letter and then capital letters, digits and underscores"
	}
}

// atLeast is a simple type with a minimum length.
func atLeast(length int, t simpleType) simpleType {
	return func(s string) string {
		if reason := t(s); reason != "" {
			return reason
		}
		if len(s) < length {
			return fmt.Sprintf("%d characters, the schema wants %d or more", len(s), length)
		}
		return ""
	}
}

func isIDTail(s string) bool {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// scenarioIDs is a list of scenario IDs; the pattern of the schema lets a
// trailing comma pass.
func scenarioIDs(s string) string {
	if s == "" {
		return "empty"
	}
	one := id("ID_SIGNINGSCENARIO_")
	for _, part := range strings.Split(strings.TrimSuffix(s, ","), ",") {
		if reason := one(part); reason != "" {
			return fmt.Sprintf("%q: %s", part, reason)
		}
	}
	return ""
}

// Character sets of the schema's macro types.
var (
	macroIDPattern    = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z_0-9.]*$`)
	macroValuePattern = regexp.MustCompile("^[a-zA-Z0-9\\-_!@#%&^.,;:=+~`'{}()\\[\\]$ \\\\]*$")
	macroRefPattern   = regexp.MustCompile(`^(\$\([a-zA-Z_][a-zA-Z_0-9.]*\))+$`)
	dateTimePattern   = regexp.MustCompile(`^-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$`)
)

func macroID(s string) string {
	if !macroIDPattern.MatchString(s) {
		return "not a letter or underscore followed by letters, digits, underscores and dots"
	}
	return ""
}

func macroValue(s string) string {
	if !macroValuePattern.MatchString(s) {
		return "a character that a macro value may not hold"
	}
	return ""
}

// appIDs is one text that does not begin with $, or macro references only. The
// first character of the text may be any, the others are those of macro values.
func appIDs(s string) string {
	if s == "" {
		return "empty"
	}
	if s[0] == '$' {
		if !macroRefPattern.MatchString(s) {
			return "begins with $ but is not a list of macro references such as $(A)$(B)"
		}
		return ""
	}
	_, size := utf8.DecodeRuneInString(s)
	if !macroValuePattern.MatchString(s[size:]) {
		return "a character that AppIDs may not hold"
	}
	return ""
}

func dateTime(s string) string {
	if !dateTimePattern.MatchString(Collapse(s)) {
		return "not a date and time such as 2026-01-31T12:00:00Z"
	}
	return ""
}
