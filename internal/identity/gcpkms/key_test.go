package gcpkms

import (
	"crypto"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// TestChecksumVectors: the CRC32C examples of RFC 3720 appendix B.4, and the
// usual check value.
func TestChecksumVectors(t *testing.T) {
	ascending, descending := make([]byte, 32), make([]byte, 32)
	ones := make([]byte, 32)
	for i := range 32 {
		ascending[i], descending[i], ones[i] = byte(i), byte(31-i), 0xff
	}
	for name, c := range map[string]struct {
		in   []byte
		want checksum
	}{
		"32 zeros":    {make([]byte, 32), "2324772522"},    // 0x8a9136aa
		"32 ones":     {ones, "1655221059"},                // 0x62a8ab43
		"ascending":   {ascending, "1188919630"},           // 0x46dd794e
		"descending":  {descending, "289397596"},           // 0x113fdb5c
		"check value": {[]byte("123456789"), "3808858755"}, // 0xe3069283
	} {
		if got := checksumOf(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestDigestInfo(t *testing.T) {
	got, err := digestInfo(service.Digest{Hash: crypto.SHA256, Sum: make([]byte, 32)})
	const prefix = "3031300d060960864801650304020105000420" // RFC 8017 section 9.2, note 1
	if err != nil || hex.EncodeToString(got[:19]) != prefix || len(got) != 51 {
		t.Errorf("%x, %v", got, err)
	}
}

func TestFlexibleBase64(t *testing.T) {
	for _, s := range []string{`"+/8="`, `"-_8="`, `"-_8"`, `"+/8"`} {
		var f flexible
		if err := json.Unmarshal([]byte(s), &f); err != nil || hex.EncodeToString(f) != "fbff" {
			t.Errorf("%s: %x, %v", s, f, err)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	for s, want := range map[string]algorithm{
		"RSA_SIGN_PKCS1_4096_SHA512": {"", service.SchemePKCS1v15, crypto.SHA512},
		"RSA_SIGN_PSS_3072_SHA256":   {"", service.SchemePSS, crypto.SHA256},
		"RSA_SIGN_RAW_PKCS1_3072":    {"", service.SchemePKCS1v15, 0},
		"EC_SIGN_P384_SHA384":        {"", service.SchemeECDSA, crypto.SHA384},
		"EC_SIGN_ED25519":            {},
		"HMAC_SHA256":                {"", "", crypto.SHA256},
		"":                           {},
	} {
		want.name = s
		if got := parseAlgorithm(s); got != want {
			t.Errorf("%s: %+v", s, got)
		}
	}
}

func FuzzCredentialFile(f *testing.F) {
	f.Add([]byte(`{"type":"service_account","private_key":"x","token_uri":"https://oauth2.googleapis.com/token","a":[{"b":"http://x"}]}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var v any
		if json.Unmarshal(b, &v) == nil {
			badAddress(v)
			secrets(v)
		}
	})
}
