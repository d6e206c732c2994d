//go:build cgo

package identity

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// cryptoki is what is used of a PKCS #11 module (OASIS PKCS #11 2.40).
type cryptoki interface {
	Initialize(opts ...pkcs11.InitializeOption) error
	Finalize() error
	Destroy()
	GetSlotList(tokenPresent bool) ([]uint, error)
	GetTokenInfo(slot uint) (pkcs11.TokenInfo, error)
	OpenSession(slot, flags uint) (pkcs11.SessionHandle, error)
	CloseSession(pkcs11.SessionHandle) error
	Login(s pkcs11.SessionHandle, user uint, pin string) error
	Logout(pkcs11.SessionHandle) error
	FindObjectsInit(pkcs11.SessionHandle, []*pkcs11.Attribute) error
	FindObjects(s pkcs11.SessionHandle, max int) ([]pkcs11.ObjectHandle, bool, error)
	FindObjectsFinal(pkcs11.SessionHandle) error
	GetAttributeValue(pkcs11.SessionHandle, pkcs11.ObjectHandle, []*pkcs11.Attribute) ([]*pkcs11.Attribute, error)
	SignInit(pkcs11.SessionHandle, []*pkcs11.Mechanism, pkcs11.ObjectHandle) error
	Sign(s pkcs11.SessionHandle, message []byte) ([]byte, error)
}

// token is one session with one token: logged in once, used by one caller at
// a time. Tokens serialise signatures anyway, and several sessions are where
// modules go wrong (CKR_USER_NOT_LOGGED_IN at the second signature).
//
// A module is process-wide: two identities of one module must not be open at
// the same time, since closing one ends the other's session.
type token struct {
	mu       sync.Mutex
	module   cryptoki
	uri      TokenURI
	slot     uint
	session  pkcs11.SessionHandle
	pin      []byte // nil: there is none, or it is typed at the token
	loggedIn bool
	refused  error // set when the token refused the PIN: it is never sent again
	ours     bool  // we initialised the module, so we finalise it
}

// loadPKCS11 opens the token, logs in and finds key and certificate.
func (i *Identity) loadPKCS11(r Ref) error {
	uri := r.Token
	pinRef := uri.PIN
	if pinRef != "" && i.opts.Password != "" {
		return fault.New(fault.Usage, "identity pkcs11: the PIN is given twice, as pin-source and as password").
			Hint("leave one of them out")
	}
	if pinRef == "" {
		pinRef = i.opts.Password
	}
	pin, err := i.resolve(pinRef)
	if err != nil {
		return err
	}
	uri.Module = i.modulePath(uri.Module)
	module, err := openModule(uri.Module)
	if err != nil {
		return err
	}
	return i.useToken(&token{module: module, uri: uri, pin: pin})
}

// useToken ties the identity to an opened module.
func (i *Identity) useToken(t *token) error {
	i.close = t.close
	if err := t.open(); err != nil {
		return err
	}
	key, certs, err := t.findKey()
	if err != nil {
		return err
	}
	for _, file := range i.opts.ChainFiles {
		more, err := readCertificates(i.opts.path(file))
		if err != nil {
			return err
		}
		certs = append(certs, more...)
	}
	if len(certs) == 0 {
		return fault.New(fault.Usage, "identity pkcs11: the token (%s) holds no certificate", t.uri.describe()).
			Hint("name the certificate's file in sign.chain (or -chain=)")
	}
	return i.adopt(key, certs, "the token or the chain files")
}

// modulePath leaves a bare library name to the system's loader.
func (i *Identity) modulePath(name string) string {
	if filepath.Base(name) == name {
		return name
	}
	return i.opts.path(name)
}

func openModule(path string) (cryptoki, error) {
	if _, err := os.Stat(path); err != nil && filepath.Base(path) != path {
		return nil, fault.New(fault.Usage, "identity pkcs11: opening module: %v", err).
			Hint("module-path must name the PKCS #11 library that came with the token")
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return nil, fault.New(fault.Usage, "identity pkcs11: %s cannot be loaded as a PKCS #11 module", path).
			Hint("the library must be for this system and processor, and the libraries that it needs must be installed")
	}
	return ctx, nil
}

// open initialises the module, finds the token and logs in.
func (t *token) open() error {
	switch err := t.module.Initialize(); {
	case err == nil:
		t.ours = true
	case !isCode(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED):
		return t.failed("initialising module", err)
	}
	info, err := t.findToken()
	if err != nil {
		return err
	}
	t.session, err = t.module.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return t.failed("opening session", err)
	}
	return t.login(info)
}

func (t *token) findToken() (pkcs11.TokenInfo, error) {
	slots, err := t.module.GetSlotList(true)
	if err != nil {
		return pkcs11.TokenInfo{}, t.failed("listing slots", err)
	}
	var seen []string
	var found []pkcs11.TokenInfo
	for _, slot := range slots {
		info, err := t.module.GetTokenInfo(slot)
		if err != nil {
			continue // an empty or broken reader beside the one that is wanted
		}
		seen = append(seen, fmt.Sprintf("label %q, serial %q", trim(info.Label), trim(info.SerialNumber)))
		if t.uri.matches(slot, info) {
			t.slot = slot
			found = append(found, info)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return pkcs11.TokenInfo{}, fault.New(fault.Usage, "identity pkcs11: %d tokens match (%s)", len(found), t.uri.describe()).
			Hint("add serial=NUMBER; there are: %s", strings.Join(seen, "; "))
	case len(seen) == 0:
		return pkcs11.TokenInfo{}, fault.New(fault.Service, "identity pkcs11: the module %s sees no token", t.uri.Module).
			Hint("plug the token in; on Linux the smart card service (pcscd) must run")
	}
	return pkcs11.TokenInfo{}, fault.New(fault.Usage, "identity pkcs11: no token matches (%s)", t.uri.describe()).
		Hint("there are: %s", strings.Join(seen, "; "))
}

func (u TokenURI) matches(slot uint, info pkcs11.TokenInfo) bool {
	equal := func(want, have string) bool { return want == "" || want == trim(have) }
	return equal(u.Token, info.Label) && equal(u.Serial, info.SerialNumber) &&
		equal(u.Manufacturer, info.ManufacturerID) && equal(u.Model, info.Model) &&
		(u.Slot == nil || *u.Slot == slot)
}

// trim removes the padding of fixed-width fields.
func trim(s string) string { return strings.TrimRight(s, " \x00") }

// login presents the PIN once. When the token says that one more wrong PIN
// locks it, no PIN is sent at all: a build that runs again and again with a
// wrong PIN would otherwise destroy the key.
func (t *token) login(info pkcs11.TokenInfo) error {
	if info.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0 && t.pin == nil {
		return nil
	}
	if info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0 {
		return fault.New(fault.Usage, "identity pkcs11: the token (%s) is locked after too many wrong PINs", t.uri.describe()).
			Hint("unlock it with its PUK or security officer PIN")
	}
	if info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0 {
		return fault.New(fault.Usage, "identity pkcs11: the token (%s) has one try left, so the PIN was not sent", t.uri.describe()).
			Hint("log in by hand with the right PIN, which resets the counter: pkcs11-tool --module %s --login -O", t.uri.Module)
	}
	if t.pin == nil && info.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH == 0 {
		return fault.New(fault.Usage, "identity pkcs11: the token (%s) needs a PIN and none was given", t.uri.describe()).
			Hint("give password: env:NAME or file:PATH, or pin-source= in the URI")
	}
	err := t.present(pkcs11.CKU_USER)
	if isCode(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		return nil
	}
	t.loggedIn = err == nil
	return err
}

// present sends the PIN for one kind of user. A refusal is remembered.
func (t *token) present(user uint) error {
	if t.refused != nil {
		return t.refused
	}
	err := t.module.Login(t.session, user, string(t.pin))
	switch {
	case err == nil, isCode(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return err
	case isCode(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_LOCKED):
		t.refused = t.pinRefused(err)
		return t.refused
	}
	return t.failed("logging in", err)
}

func (t *token) pinRefused(err error) error {
	f := fault.New(fault.Usage, "identity pkcs11: the token (%s) refused the PIN: %v; it is not tried again", t.uri.describe(), reason(err))
	info, infoErr := t.module.GetTokenInfo(t.slot)
	switch {
	case isCode(err, pkcs11.CKR_PIN_EXPIRED):
		return f.Hint("set a new PIN with the vendor's tool")
	case isCode(err, pkcs11.CKR_PIN_LOCKED), infoErr == nil && info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return f.Hint("the token is now locked: unlock it with its PUK or security officer PIN")
	case infoErr == nil && info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return f.Hint("one try is left: a further wrong PIN locks the token")
	case infoErr == nil && info.Flags&pkcs11.CKF_USER_PIN_COUNT_LOW != 0:
		return f.Hint("the token counts wrong PINs and locks itself after a few; it does not say how many are left")
	}
	return f.Hint("correct the PIN before the next run: tokens lock themselves after a few wrong ones, most after three")
}

func (t *token) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != 0 {
		if t.loggedIn {
			_ = t.module.Logout(t.session) // closing the session does it too
		}
		_ = t.module.CloseSession(t.session)
	}
	if t.ours {
		_ = t.module.Finalize()
	}
	t.module.Destroy()
	clear(t.pin)
	return nil
}

// isCode reports whether err is one of the PKCS #11 return values.
func isCode(err error, codes ...uint) bool {
	var e pkcs11.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if uint(e) == c {
			return true
		}
	}
	return false
}

// reason is the name of a return value without the library's decoration.
func reason(err error) string {
	var e pkcs11.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	_, name, found := strings.Cut(e.Error(), "CKR_")
	if !found {
		return fmt.Sprintf("return value 0x%X", uint(e))
	}
	return "CKR_" + name
}

// failed is the error of a token or its module.
func (t *token) failed(doing string, err error) error {
	f := fault.New(fault.Service, "identity pkcs11: %s of the token (%s): %s", doing, t.uri.describe(), reason(err))
	if isCode(err, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_SESSION_HANDLE_INVALID) {
		return f.Hint("the token was pulled out, or another program reset it: plug it in and start again")
	}
	return f.Hint("check whether the vendor's tool, or pkcs11-tool --module %s --login -t, can sign", t.uri.Module)
}

func hexID(id []byte) string { return hex.EncodeToString(id) }

// describe names the token for messages.
func (u TokenURI) describe() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+strconv.Quote(value))
		}
	}
	add("label", u.Token)
	add("serial", u.Serial)
	add("manufacturer", u.Manufacturer)
	add("model", u.Model)
	if u.Slot != nil {
		parts = append(parts, "slot "+strconv.FormatUint(uint64(*u.Slot), 10))
	}
	return strings.Join(parts, ", ")
}

// describeKey names the key for messages.
func (u TokenURI) describeKey() string {
	var parts []string
	if u.Object != "" {
		parts = append(parts, "label "+strconv.Quote(u.Object))
	}
	if u.ID != nil {
		parts = append(parts, "id "+hexID(u.ID))
	}
	return strings.Join(parts, ", ")
}
