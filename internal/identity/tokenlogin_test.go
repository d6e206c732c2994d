//go:build cgo

package identity

import (
	"crypto"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// spy counts logins of a real token and can change what it reports.
type spy struct {
	cryptoki
	logins   []uint
	flags    uint // set in the token's flags
	signErr  map[int]error
	signs    int
	listErr  error
	noTokens bool
	lenient  bool // SignInit succeeds although an operation is active
}

func (s *spy) SignInit(h pkcs11.SessionHandle, m []*pkcs11.Mechanism, o pkcs11.ObjectHandle) error {
	err := s.cryptoki.SignInit(h, m, o)
	if s.lenient && isCode(err, pkcs11.CKR_OPERATION_ACTIVE) {
		return nil
	}
	return err
}

func (s *spy) Login(h pkcs11.SessionHandle, user uint, pin string) error {
	s.logins = append(s.logins, user)
	if user == pkcs11.CKU_CONTEXT_SPECIFIC && s.signErr != nil {
		return nil // a module that asks for the PIN although the key does not say so
	}
	return s.cryptoki.Login(h, user, pin)
}

func (s *spy) GetTokenInfo(slot uint) (pkcs11.TokenInfo, error) {
	info, err := s.cryptoki.GetTokenInfo(slot)
	info.Flags |= s.flags
	return info, err
}

func (s *spy) GetSlotList(present bool) ([]uint, error) {
	if s.noTokens || s.listErr != nil {
		return nil, s.listErr
	}
	return s.cryptoki.GetSlotList(present)
}

func (s *spy) Sign(h pkcs11.SessionHandle, b []byte) ([]byte, error) {
	s.signs++
	signature, err := s.cryptoki.Sign(h, b)
	if e := s.signErr[s.signs]; e != nil {
		return nil, e
	}
	return signature, err
}

// spied opens the shared token's P-256 key through sp.
func spied(t *testing.T, sp *spy, pin string, edit ...func(*token)) (*Identity, error) {
	t.Helper()
	s := sharedSoftHSM(t)
	module, err := openModule(s.module)
	if err != nil {
		t.Fatal(err)
	}
	sp.cryptoki = module
	tk := &token{module: sp, uri: TokenURI{Token: tokenLabel, Object: "ec key", Module: s.module}, pin: []byte(pin)}
	if pin == "" {
		tk.pin = nil
	}
	for _, e := range edit {
		e(tk)
	}
	id := &Identity{Kind: KindPKCS11, opts: Options{}.withDefaults()}
	t.Cleanup(func() { id.Close() })
	err = id.useToken(tk)
	noSecret(t, err, pin)
	return id, err
}

func TestTokenLogsInOnce(t *testing.T) {
	sp := &spy{}
	id, err := spied(t, sp, tokenPIN)
	if err != nil {
		t.Fatal(err)
	}
	wantSigns(t, id, crypto.SHA256, crypto.SHA256, crypto.SHA256)
	if !slices.Equal(sp.logins, []uint{pkcs11.CKU_USER}) {
		t.Errorf("logins %v", sp.logins)
	}
}

func TestTokenNeverRetriesARefusedPIN(t *testing.T) {
	for name, c := range map[string]struct {
		flags uint
		want  string
	}{
		"silent token": {0, "it is not tried again"},
		"count low":    {pkcs11.CKF_USER_PIN_COUNT_LOW, "does not say how many are left"},
	} {
		t.Run(name, func(t *testing.T) {
			sp := &spy{flags: c.flags}
			_, err := spied(t, sp, wrongPIN)
			wantError(t, err, fault.Usage, "refused the PIN: CKR_PIN_INCORRECT", c.want, "hint: ")
			if len(sp.logins) != 1 {
				t.Errorf("%d logins", len(sp.logins))
			}
		})
	}
}

// The token takes the PIN for the login and refuses it for a signature: it
// must not be sent a third time.
func TestTokenStopsAfterARefusalWhileSigning(t *testing.T) {
	sp := &spy{lenient: true}
	id, err := spied(t, sp, tokenPIN, func(t *token) { t.uri.Object = "careful" })
	if err != nil {
		t.Fatal(err)
	}
	copy(id.Key.(*tokenKey).token.pin, wrongPIN)
	sp.logins = nil
	for range 3 {
		_, err := id.Key.Sign(nil, make([]byte, 32), crypto.SHA256)
		wantError(t, err, fault.Usage, "refused the PIN", "not tried again")
	}
	if len(sp.logins) != 1 {
		t.Errorf("%d logins", len(sp.logins))
	}
}

func TestTokenPINLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		flags  uint
		pin    string
		logins int
		want   string
	}{
		"locked":    {pkcs11.CKF_USER_PIN_LOCKED, tokenPIN, 0, "is locked"},
		"final try": {pkcs11.CKF_USER_PIN_FINAL_TRY, tokenPIN, 0, "one try left, so the PIN was not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			sp := &spy{flags: c.flags}
			_, err := spied(t, sp, c.pin)
			wantError(t, err, fault.Usage, c.want, "hint: ")
			if len(sp.logins) != c.logins {
				t.Errorf("%d logins", len(sp.logins))
			}
		})
	}
}

func TestTokenThatWantsThePINUnannounced(t *testing.T) {
	sp := &spy{signErr: map[int]error{2: pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)}}
	id, err := spied(t, sp, tokenPIN)
	if err != nil {
		t.Fatal(err)
	}
	wantSigns(t, id, crypto.SHA256, crypto.SHA256, crypto.SHA256)
	want := []uint{pkcs11.CKU_USER, pkcs11.CKU_CONTEXT_SPECIFIC, pkcs11.CKU_CONTEXT_SPECIFIC}
	if !slices.Equal(sp.logins, want) {
		t.Errorf("logins %v, want %v", sp.logins, want)
	}
}

func TestTokenFailures(t *testing.T) {
	sp := &spy{signErr: map[int]error{1: pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED), 2: pkcs11.Error(pkcs11.CKR_FUNCTION_FAILED)}}
	id, err := spied(t, sp, tokenPIN)
	if err != nil {
		t.Fatal(err)
	}
	_, err = id.Key.Sign(nil, make([]byte, 32), crypto.SHA256)
	wantError(t, err, fault.Service, "signing", "CKR_DEVICE_REMOVED", "pulled out")
	_, err = id.Key.Sign(nil, make([]byte, 32), crypto.SHA256)
	wantError(t, err, fault.Service, "CKR_FUNCTION_FAILED", "pkcs11-tool")
	id.Close()

	_, err = spied(t, &spy{noTokens: true}, tokenPIN)
	wantError(t, err, fault.Service, "sees no token", "pcscd")
	_, err = spied(t, &spy{listErr: pkcs11.Error(pkcs11.CKR_GENERAL_ERROR)}, tokenPIN)
	wantError(t, err, fault.Service, "CKR_GENERAL_ERROR")
}
