package secret

import (
	"net/url"
	"slices"
	"strings"
)

// credentials are words of query keys that carry a secret, such as access_token,
// api-key, x-amz-signature and the sig of a shared access signature.
var credentials = []string{"token", "key", "apikey", "sig", "signature", "password", "passwd", "pwd", "pass", "secret", "auth", "authorization",
	"credential", "credentials", "code", "jwt", "bearer", "session", "sessionid", "sas", "accesstoken", "authtoken", "clientsecret", "user", "username", "login"}

// InURL says what in the address of a server could be a secret; "" if nothing
// could. Addresses are written to the ledger and to consoles, where a secret must
// not be. The answer does not repeat the address.
func InURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "" // not an address at all, which others say
	case u.User != nil:
		return "holds a user name or password"
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		return "holds a fragment (#), which no server gets"
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "holds a query that cannot be read"
	}
	for key := range values {
		if slices.ContainsFunc(words(key), func(w string) bool { return slices.Contains(credentials, w) }) {
			return "holds a query that looks like a credential"
		}
	}
	return ""
}

// words are the parts of a query key, and all of it without separators.
func words(key string) []string {
	key = strings.ToLower(key)
	parts := strings.FieldsFunc(key, func(r rune) bool { return strings.ContainsRune("-_.[]:$ ", r) })
	return append(parts, strings.Join(parts, ""))
}
