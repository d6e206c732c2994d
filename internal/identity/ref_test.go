package identity

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

func TestParseRef(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want Ref
	}{
		"test":         {"test", Ref{Kind: KindTest}},
		"pfx":          {"pkcs12:keys/a b.pfx", Ref{Kind: KindPKCS12, File: "keys/a b.pfx"}},
		"windows path": {`pkcs12:C:\keys\a.pfx`, Ref{Kind: KindPKCS12, File: `C:\keys\a.pfx`}},
		"pem":          {"pem:a.key, a.pem", Ref{Kind: KindPEM, File: "a.key", Chain: "a.pem"}},
		"exec":         {`exec:"C:\Program Files\sign.exe" --key 'a "b"' x\y`, Ref{Kind: KindExec, Args: []string{`C:\Program Files\sign.exe`, "--key", `a "b"`, `x\y`}}},
		"exec empty":   {`exec:sign ""`, Ref{Kind: KindExec, Args: []string{"sign", ""}}},
		"exec joined":  {`exec:a"b c"'d'`, Ref{Kind: KindExec, Args: []string{"ab cd"}}},
		"pkcs11": {"pkcs11:token=My%20Token;id=%01%ff;object=k?module-path=/lib/x.so&pin-source=env:PIN",
			Ref{Kind: KindPKCS11, Token: TokenURI{Token: "My Token", ID: []byte{1, 255}, Object: "k", Module: "/lib/x.so", PIN: "env:PIN"}}},
		"pkcs11 twice":     {"pkcs11:pkcs11:serial=1;type=private?module-path=x.so", Ref{Kind: KindPKCS11, Token: TokenURI{Serial: "1", Module: "x.so"}}},
		"pin file url":     {"pkcs11:token=t?module-path=x&pin-source=file:///run/pin", Ref{Kind: KindPKCS11, Token: TokenURI{Token: "t", Module: "x", PIN: "file:/run/pin"}}},
		"pin file":         {"pkcs11:token=t?module-path=x&pin-source=file:pin.txt", Ref{Kind: KindPKCS11, Token: TokenURI{Token: "t", Module: "x", PIN: "file:pin.txt"}}},
		"pin path":         {"pkcs11:token=t?pin-source=/run/pin&module-path=x", Ref{Kind: KindPKCS11, Token: TokenURI{Token: "t", Module: "x", PIN: "file:/run/pin"}}},
		"plus is no space": {"pkcs11:token=a+b?module-path=x", Ref{Kind: KindPKCS11, Token: TokenURI{Token: "a+b", Module: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRef(c.in)
			if err != nil {
				t.Fatal(err)
			}
			c.want.text = c.in
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if got.String() != c.in {
				t.Errorf("String is %q", got.String())
			}
		})
	}
}

func TestParseRefRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, wantErr, wantHint string }{
		"nothing":         {"", "nothing given", "the forms are"},
		"bare file":       {"code.pfx", "unknown kind", "did you mean pkcs12:code.pfx?"},
		"windows file":    {`C:\code.pfx`, "unknown kind", "did you mean pkcs12:"},
		"pfx kind":        {"pfx:code.pfx", "unknown kind", "did you mean pkcs12:code.pfx?"},
		"capitals":        {"PKCS12:a", "unknown kind", "lower case"},
		"key file":        {"my.key", "unknown kind", "pem:KEY,CHAIN"},
		"unknown":         {"hsm:x", `unknown kind "hsm"`, "the forms are"},
		"test and more":   {"test:", "takes no argument", "write test"},
		"pkcs12 empty":    {"pkcs12:", "names no file", "pkcs12:FILE"},
		"pkcs12 bare":     {"pkcs12", "unknown kind", "the forms are"},
		"pem one":         {"pem:a.key", "got 1 of 2", "pem:KEY,CHAIN"},
		"pem half":        {"pem:a.key,", "got 1 of 2", "pem:KEY,CHAIN"},
		"pem three":       {"pem:a,b,c", "needs two files", "comma"},
		"exec empty":      {"exec: ", "names no program", "exec:PROGRAM"},
		"exec quote":      {`exec:"a b`, "not closed", "other kind"},
		"line break":      {"pkcs12:a\nb", "control character", "the forms are"},
		"no module":       {"pkcs11:token=t", "no module-path", "module-path="},
		"no token":        {"pkcs11:object=k?module-path=x", "which token", "token=LABEL"},
		"pin value":       {"pkcs11:token=t?module-path=x&pin-value=123456", "pin-value", "env:NAME"},
		"pin in path":     {"pkcs11:token=t;pin-value=123456?module-path=x", "pin-value", "env:NAME"},
		"pin program":     {"pkcs11:token=t?module-path=x&pin-source=|cat pin", "is a program", "env:NAME"},
		"pin literal":     {"pkcs11:token=t?module-path=x&pin-source=123456", "not a reference", "env:NAME"},
		"unknown path":    {"pkcs11:token=t;colour=red?module-path=x", `"colour"`, "supported are"},
		"unknown query":   {"pkcs11:token=t?module-path=x&a=b", `"a"`, "supported are"},
		"module name":     {"pkcs11:token=t?module-name=x", "module-name", "module-path"},
		"misplaced":       {"pkcs11:token=t;module-path=x", "before the question mark", "after the question mark"},
		"twice":           {"pkcs11:token=t;token=u?module-path=x", "token twice", "for example"},
		"escape":          {"pkcs11:token=%zz?module-path=x", "percent escape", "for example"},
		"empty attribute": {"pkcs11:token=?module-path=x", "empty token", "for example"},
		"no equals":       {"pkcs11:token?module-path=x", "without = sign", "separated by"},
		"slot":            {"pkcs11:slot-id=x?module-path=x", "not a number", "for example"},
		"type":            {"pkcs11:token=t;type=cert?module-path=x", `type "cert"`, "type=private"},
		"long":            {"pkcs11:token=" + strings.Repeat("x", maxURI), "longer", "for example"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseRef(c.in)
			if err == nil {
				t.Fatal("accepted")
			}
			text, hint, _ := strings.Cut(err.Error(), "\n")
			if !strings.Contains(text, c.wantErr) || !strings.Contains(hint, c.wantHint) {
				t.Errorf("got %v", err)
			}
			if fault.Status(err) != fault.Usage {
				t.Errorf("status %d", fault.Status(err))
			}
			if strings.Contains(err.Error(), "123456") {
				t.Errorf("repeats the PIN: %v", err)
			}
		})
	}
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"test", "pem:a,b", `exec:"a b" c`, "pkcs11:token=%41?module-path=x&pin-source=env:P", "pkcs12:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err == nil && (r.Kind == "" || r.String() != s) {
			t.Errorf("%q gave %+v", s, r)
		}
		if err != nil && fault.Status(err) != fault.Usage {
			t.Errorf("%q: %v", s, err)
		}
	})
}
