package keyvault

import (
	"strings"
	"testing"
)

func TestParseChallenge(t *testing.T) {
	for header, want := range map[string]challenge{
		`Bearer authorization="https://login.microsoftonline.com/T", resource="https://vault.azure.net"`:         {"T", "https://vault.azure.net/.default"},
		`Bearer authorization="https://login.windows.net/T" resource="https://managedhsm.azure.net/"`:            {"T", "https://managedhsm.azure.net/.default"},
		`Bearer authorization="https://l/T", scope="https://vault.azure.net/.default", resource="https://other"`: {"T", "https://vault.azure.net/.default"},
		`Bearer authorization_uri="https://l/T/", resource="https://vault.azure.net"`:                            {"T", "https://vault.azure.net/.default"},
		`Basic realm="x"`: {},
		``:                {},
		`Bearer`:          {},
	} {
		if got := parseChallenge(header); got != want {
			t.Errorf("%s: got %+v", header, got)
		}
	}
}

func TestCheckScope(t *testing.T) {
	f, err := Parse("https://release.vault.azure.net/codesign")
	if err != nil {
		t.Fatal(err)
	}
	k := &key{form: f.(form)}
	for scope, good := range map[string]bool{
		"https://vault.azure.net/.default":         true,
		"https://release.vault.azure.net/.default": true,
		"https://azure.net/.default":               true,
		"https://ault.azure.net/.default":          false,
		"https://management.azure.com/.default":    false,
		"https://vault.azure.net.evil.example/":    false,
		"https://other.vault.azure.net/.default":   false,
		"http://vault.azure.net/.default":          false,
		"/.default":                                false,
		"":                                         false,
	} {
		if err := k.checkScope(scope); (err == nil) != good {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer authorization="https://login.microsoftonline.com/T", resource="https://vault.azure.net"`)
	f.Fuzz(func(t *testing.T, header string) {
		if c := parseChallenge(header); strings.Contains(c.tenant, "/") {
			t.Errorf("tenant %q", c.tenant)
		}
	})
}

func FuzzJWK(f *testing.F) {
	f.Add("EC-HSM", "P-256", "AQ", "AQ", "AQAB", "AQAB")
	f.Add("RSA", "", "", "", "AQAB", "AQAB")
	f.Fuzz(func(_ *testing.T, kty, crv, x, y, n, e string) {
		jwk{Kty: kty, Crv: crv, X: x, Y: y, N: n, E: e}.public()
	})
}
