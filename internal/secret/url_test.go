package secret

import "testing"

func TestInURL(t *testing.T) {
	for address, bad := range map[string]bool{
		"http://timestamp.digicert.com":              false,
		"https://tsa.example.com/tsr?profile=eidas":  false,
		"https://tsa.example.com/tsr?keyboard=swiss": false,
		"https://me@tsa.example.com":                 true,
		"https://me:pw@tsa.example.com":              true,
		"https://:pw@tsa.example.com":                true,
		"https://tsa.example.com/#token":             true,
		"https://tsa.example.com/?key=abc":           true,
		"https://tsa.example.com/?a=1&API-Key=abc":   true,
		"https://tsa.example.com/?access_token=abc":  true,
		"https://tsa.example.com/?sv=1&sig=abc":      true,
		"https://tsa.example.com/?X-Amz-Signature=1": true,
		"https://tsa.example.com/?p%61ssword=abc":    true,
		"https://tsa.example.com/?a;token=1":         true,
		"https://tsa.example.com/?apiKey=1":          true,
		"https://tsa.example.com/?token":             true,
	} {
		if got := InURL(address); (got != "") != bad {
			t.Errorf("%s: %q", address, got)
		}
	}
}
