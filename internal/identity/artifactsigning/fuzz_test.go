package artifactsigning

import (
	"encoding/base64"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

func FuzzCertificates(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString([]byte("MAA=\r\n")))
	f.Add("MIIB")
	f.Fuzz(func(t *testing.T, text string) {
		der, err := unwrap(text)
		if err != nil {
			return
		}
		if len(der) == 0 || der[0] != 0x30 {
			t.Errorf("%x is not DER", der)
		}
		service.ParseCertificates(der)
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"Endpoint":"https://weu.codesigning.azure.net/","CodeSigningAccountName":"acc","CertificateProfileName":"profile"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseMetadata(service.Env{Warn: func(string) {}}, "metadata.json", b)
		if err == nil && (p.endpoint == nil || p.account == "" || p.name == "") {
			t.Errorf("accepted %q", b)
		}
	})
}
