package identity

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// TokenURI is what a PKCS #11 URI (RFC 7512) says about a key. Empty fields
// are left open.
type TokenURI struct {
	Module       string     // module-path: the shared library, needed
	Token        string     // token: label
	Serial       string     // serial
	Manufacturer string     // manufacturer
	Model        string     // model
	Slot         *uint      // slot-id
	Object       string     // object: CKA_LABEL of the key
	ID           []byte     // id: CKA_ID of the key
	PIN          secret.Ref // pin-source: file:PATH as in RFC 7512, or env:NAME
}

const uriHint = "for example pkcs11:token=release;object=codesign?module-path=/usr/lib/libykcs11.so&pin-source=env:TOKEN_PIN"

// maxURI bounds the text of a URI in bytes; real ones have a few hundred.
const maxURI = 4096

// ParseTokenURI reads a PKCS #11 URI (RFC 7512 section 2.3). A second
// "pkcs11:" at the start is ignored. Attributes that this package does not
// act upon are errors rather than silently dropped, because they would widen
// the choice of keys; so is pin-value, which puts the PIN where it can be
// read. The error is a *fault.Error (Usage) and never repeats a PIN.
func ParseTokenURI(s string) (TokenURI, error) {
	rest, ok := strings.CutPrefix(s, "pkcs11:")
	if !ok {
		return TokenURI{}, uriError("does not begin with pkcs11:")
	}
	if len(s) > maxURI {
		return TokenURI{}, uriError("is longer than 4096 bytes")
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(rest, "pkcs11:"), "?")
	var u TokenURI
	seen := map[string]bool{}
	if err := eachAttribute(path, ";", seen, u.setPath); err != nil {
		return TokenURI{}, err
	}
	if err := eachAttribute(query, "&", seen, u.setQuery); err != nil {
		return TokenURI{}, err
	}
	if u.Module == "" {
		return TokenURI{}, uriError("names no module-path").
			Hint("add ?module-path= with the vendor's PKCS #11 library (.so, .dylib or .dll)")
	}
	if u.Token == "" && u.Serial == "" && u.Slot == nil {
		return TokenURI{}, uriError("does not say which token").
			Hint("add token=LABEL or serial=NUMBER; pkcs11-tool --module MODULE -L shows them")
	}
	return u, nil
}

func uriError(format string, args ...any) *fault.Error {
	return fault.New(fault.Usage, "identity pkcs11: the URI "+format, args...).Hint(uriHint)
}

func eachAttribute(s, separator string, seen map[string]bool, set func(name, value string) error) error {
	if s == "" {
		return nil
	}
	for _, part := range strings.Split(s, separator) {
		name, raw, found := strings.Cut(part, "=")
		if !found {
			return uriError("has a part without = sign").Hint("path attributes are separated by ; and query attributes by &")
		}
		if name == "pin-value" {
			return uriError("holds a pin-value").
				Hint("a PIN must not be written down here: use pin-source=env:NAME or pin-source=file:PATH, and change the PIN")
		}
		if seen[name] {
			return uriError("has %s twice", name)
		}
		seen[name] = true
		value, err := url.PathUnescape(raw)
		if err != nil {
			return uriError("has a wrong percent escape in %s", name)
		}
		if value == "" {
			return uriError("has an empty %s", name)
		}
		if err := set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (u *TokenURI) setPath(name, value string) error {
	switch name {
	case "token":
		u.Token = value
	case "serial":
		u.Serial = value
	case "manufacturer":
		u.Manufacturer = value
	case "model":
		u.Model = value
	case "object":
		u.Object = value
	case "id":
		u.ID = []byte(value)
	case "slot-id":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return uriError("has a slot-id that is not a number")
		}
		slot := uint(n)
		u.Slot = &slot
	case "type":
		if value != "private" {
			return uriError("has the type %q", value).Hint("the URI must name the private key: type=private, or leave type out")
		}
	case "module-path", "pin-source":
		return uriError("has %s before the question mark", name).Hint("%s is a query attribute: put it after the question mark", name)
	default:
		return uriError("has the attribute %q, which is not supported", name).
			Hint("supported are token, serial, manufacturer, model, slot-id, object, id and type=private")
	}
	return nil
}

func (u *TokenURI) setQuery(name, value string) error {
	switch name {
	case "module-path":
		u.Module = value
	case "pin-source":
		return u.setPIN(value)
	case "module-name":
		return uriError("has a module-name, which is not looked up").Hint("use module-path with the whole path of the library")
	default:
		return uriError("has the query attribute %q, which is not supported", name).Hint("supported are module-path and pin-source")
	}
	return nil
}

// setPIN accepts the two references of package secret, and an absolute path
// or file:///path as RFC 7512 section 2.4 shows them.
func (u *TokenURI) setPIN(value string) error {
	switch {
	case strings.HasPrefix(value, "|"):
		return uriError("has a pin-source that is a program").Hint("use pin-source=env:NAME or pin-source=file:PATH")
	case strings.HasPrefix(value, "/"):
		value = "file:" + value
	case strings.HasPrefix(value, "file:///"):
		value = "file:" + strings.TrimPrefix(value, "file://")
	}
	r, err := secret.Parse(value)
	if err != nil {
		return uriError("has a pin-source that is not a reference").Hint("use pin-source=env:NAME or pin-source=file:PATH")
	}
	u.PIN = r
	return nil
}
