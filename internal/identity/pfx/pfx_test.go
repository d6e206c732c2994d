package pfx

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// export has openssl write a PFX of the test PKI's publisher with options.
func export(t *testing.T, password string, options ...string) []byte {
	t.Helper()
	pki := formatstest.NewPKI(t)
	out := filepath.Join(t.TempDir(), "x.pfx")
	chain := filepath.Join(t.TempDir(), "chain.pem")
	text := ""
	for _, c := range append([]string{formatstest.PEMFile(t, pki.Leaf.Certificate)}, formatstest.PEMFile(t, pki.Leaf.Chain...)) {
		b, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	if err := os.WriteFile(chain, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := pki.Leaf.KeyFile(t)
	args := append([]string{"pkcs12", "-export", "-inkey", key, "-in", chain, "-out", out, "-passout", "pass:" + password, "-name", "My Key"}, options...)
	if text, err := formatstest.Run(t, "openssl", args...); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOpenSSL reads what openssl writes with every encryption and MAC that it
// has, and refuses another password each time.
func TestOpenSSL(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, options := range map[string][]string{
		"today's default": nil,
		"Windows of old":  {"-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC2-40"},
		"RC2-128":         {"-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128"},
		"RC4-128":         {"-legacy", "-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "PBE-SHA1-RC4-40"},
		"two-key 3DES":    {"-legacy", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"},
		"AES-128":         {"-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"},
		"AES-192":         {"-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC"},
		"3DES by PBES2":   {"-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC"},
		"plain":           {"-keypbe", "NONE", "-certpbe", "NONE"},
		"MAC SHA-1":       {"-macalg", "sha1"},
		"MAC SHA-384":     {"-macalg", "sha384"},
		"MAC SHA-512":     {"-macalg", "sha512"},
		"one iteration":   {"-noiter", "-nomaciter"},
		"no MAC":          {"-nomac"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, password := range []string{"secret", "pässwörd€漢🔑", " ", "a longer password than one block of the hash function takes: 0123456789"} {
				file := export(t, password, options...)
				b, err := Parse(file, []byte(password))
				if err != nil {
					t.Fatalf("%q: %v", password, err)
				}
				if len(b.Keys) != 1 || b.Keys[0].Name != "My Key" || len(b.Certificates) != 1+len(pki.Leaf.Chain) {
					t.Fatalf("%d keys %q, %d certificates", len(b.Keys), b.Keys[0].Name, len(b.Certificates))
				}
				if !b.Keys[0].Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(pki.Leaf.Key.Public()) {
					t.Error("another key")
				}
				if strings.Contains(name, "plain") && strings.Contains(name, "no MAC") {
					continue
				}
				if _, err := Parse(file, []byte(password+"x")); !errors.Is(err, ErrPassword) && name != "no MAC" {
					t.Errorf("another password: %v", err)
				} else if err == nil {
					t.Error("another password opens the file")
				}
			}
		})
	}
}

func TestEmptyPassword(t *testing.T) {
	file := export(t, "")
	for _, password := range [][]byte{nil, {}} {
		if _, err := Parse(file, password); err != nil {
			t.Error(err)
		}
	}
	if _, err := Parse(file, []byte("x")); !errors.Is(err, ErrPassword) {
		t.Errorf("a password for a file without one: %v", err)
	}
}

// TestKeys decrypts key files in every form that openssl writes.
func TestKeys(t *testing.T) {
	key := formatstest.NewPKI(t).Leaf.KeyFile(t)
	for name, c := range map[string]struct {
		options []string
		problem string
	}{
		"SHA-1":      {[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"}, ""},
		"SHA-224":    {[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA224"}, ""},
		"SHA-384":    {[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"}, ""},
		"SHA-512":    {[]string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"}, ""},
		"scrypt":     {[]string{"-scrypt"}, ""},
		"3DES":       {[]string{"-v2", "des3"}, ""},
		"Camellia":   {[]string{"-v2", "camellia-256-cbc"}, "Camellia-256-CBC"},
		"big scrypt": {[]string{"-scrypt", "-scrypt_N", "1048576"}, "scrypt asks for N=1048576"},
		"many turns": {[]string{"-v2", "aes-256-cbc", "-iter", "300000"}, "300000 iterations"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "key.der")
			args := append([]string{"pkcs8", "-topk8", "-in", key, "-out", out, "-outform", "DER", "-passout", "pass:pw"}, c.options...)
			if text, err := formatstest.Run(t, "openssl", args...); err != nil {
				t.Skipf("this openssl does not write it: %s", text)
			}
			der, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			_, err = DecryptKey(der, []byte("pw"))
			if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("got %v, want %q", err, c.problem)
			}
			if _, err := DecryptKey(der, []byte("pv")); c.problem == "" && !errors.Is(err, ErrPassword) {
				t.Errorf("another password: %v", err)
			}
		})
	}
}

// TestRC2 has the vectors of RFC 2268 section 5.
func TestRC2(t *testing.T) {
	for _, c := range []struct {
		key           string
		bits          int
		plain, cipher string
	}{
		{"0000000000000000", 63, "0000000000000000", "ebb773f993278eff"},
		{"ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"},
		{"88", 64, "0000000000000000", "61a8a244adacccf0"},
		{"88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"},
		{"88bca90e90875a7f0f79c384627bafb2", 64, "0000000000000000", "1a807d272bbe5db1"},
		{"88bca90e90875a7f0f79c384627bafb2", 128, "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(c.key)
		sealed, _ := hex.DecodeString(c.cipher)
		got := make([]byte, 8)
		newRC2(key, c.bits).Decrypt(got, sealed)
		if hex.EncodeToString(got) != c.plain {
			t.Errorf("key %s, %d bits: %x, want %s", c.key, c.bits, got, c.plain)
		}
	}
}

// TestBER: indefinite lengths everywhere outside of the encrypted parts, as
// Bouncy Castle writes them.
func TestBER(t *testing.T) {
	file := indefinite(export(t, "secret"))
	if _, err := Parse(file, []byte("secret")); err != nil {
		t.Error(err)
	}
}

// indefinite rewrites the outermost constructed elements with indefinite
// lengths.
func indefinite(der []byte) []byte {
	size := 2
	if der[1]&0x80 != 0 {
		size += int(der[1] & 0x7f)
	}
	return append(append([]byte{der[0], 0x80}, der[size:]...), 0, 0)
}

func TestRefused(t *testing.T) {
	good := export(t, "secret")
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":      {nil, "not a PFX file"},
		"a text":       {[]byte("-----BEGIN"), "not a PFX file"},
		"half of it":   {good[:len(good)/2], "not a PFX file"},
		"more than it": {append(bytes.Clone(good), 0), "not a PFX file"},
		"version 4":    {bytes.Replace(good, []byte{2, 1, 3}, []byte{2, 1, 4}, 1), "PFX version 4 is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(c.file, []byte("secret")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		_, _ = Parse(bad, []byte("secret")) // whatever it says, it comes back
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 2, 1, 3, 0, 0}, []byte("x"))
	if found, _ := filepath.Glob(filepath.Join(formatstest.Root(f), "..", "shared", "cases", "signing", "*.pfx")); len(found) > 0 {
		for _, name := range found {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(b, []byte("test"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, file, password []byte) {
		b, err := Parse(file, password)
		if (b == nil) == (err == nil) {
			t.Error("neither a bundle nor an error, or both")
		}
		_ = fmt.Sprint(err)
	})
}
