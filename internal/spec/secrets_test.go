package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestSecretsAreAllFound fills every key that can hold a secret, whatever
// section it is in, and wants it found again.
func TestSecretsAreAllFound(t *testing.T) {
	s := &Spec{}
	var want []string
	plant(reflect.ValueOf(s).Elem(), Rule{}, &want)
	if len(want) < 2 {
		t.Fatalf("only %d keys hold secrets: %q", len(want), want)
	}
	var got []string
	for _, ref := range s.Secrets() {
		got = append(got, string(ref))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if own := s.Sign.Secrets(); len(own) != 2 {
		t.Errorf("the identity's own are %q", own)
	}
}

// plant gives every key that may hold a secret one of its own, and notes it.
func plant(v reflect.Value, rule Rule, want *[]string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		plant(v.Elem(), rule, want)
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			plant(v.Field(f.index), f.rule, want)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		plant(v.Index(0), rule, want)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		one := reflect.New(v.Type().Elem()).Elem()
		plant(one, rule, want)
		v.SetMapIndex(reflect.ValueOf("x"), one)
	case reflect.String:
		ref := fmt.Sprintf("env:SECRET_%d", len(*want))
		switch rule.Format {
		case "secret":
			v.SetString(ref)
		case "identity":
			v.SetString("pkcs11:token=t;object=o?module-path=/m.so&pin-source=" + ref)
		default:
			return
		}
		*want = append(*want, ref)
	}
}

func TestSecretsOfIdentities(t *testing.T) {
	for form, want := range map[string]string{
		"test":           "",
		"pkcs12:env:PFX": "", // a file of that name
		"pkcs11:token=t;object=o?module-path=/m.so&pin-source=env:PIN":   "env:PIN",
		"pkcs11:token=t;object=o?module-path=/m.so&pin-source=file:/pin": "file:/pin",
		"vault:transit/code?jwt_role=r&oidc_token=env%3AJWT":             "env:BAO_TOKEN env:VAULT_TOKEN env:JWT",
		"awskms:alias/x?oidc_token=env:JWT":                              "env:ACTIONS_ID_TOKEN_REQUEST_TOKEN env:SYSTEM_ACCESSTOKEN env:AWS_SECRET_ACCESS_KEY env:AWS_SESSION_TOKEN env:AWS_CONTAINER_AUTHORIZATION_TOKEN env:JWT",
		"keyvault:https://r.vault.azure.net/c":                           "env:ACTIONS_ID_TOKEN_REQUEST_TOKEN env:SYSTEM_ACCESSTOKEN env:AZURE_CLIENT_SECRET env:AZURE_CLIENT_CERTIFICATE_PASSWORD env:IDENTITY_HEADER",
		"nonsense":                                                       "",
	} {
		var got []string
		for _, ref := range (&Sign{Identity: form}).Secrets() {
			got = append(got, string(ref))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
	}
}
