package rfc3161

import (
	"math/big"
	"net/http"
	"strconv"
	"time"
)

// FaultKind is a way in which time-stamp servers fail.
type FaultKind string

// The faults.
const (
	FaultNone     FaultKind = ""
	FaultDown     FaultKind = "down"      // the connection breaks
	FaultSlow     FaultKind = "slow"      // the answer comes after Delay, or never if that is 0
	FaultStatus   FaultKind = "status"    // HTTP status Status, with Retry-After if RetryAfter is set
	FaultGarbage  FaultKind = "garbage"   // the right content type, but no response
	FaultHTML     FaultKind = "html"      // a web page with status 200, as captive portals send
	FaultNonce    FaultKind = "nonce"     // a good token with another nonce
	FaultNoNonce  FaultKind = "no-nonce"  // a good token without nonce
	FaultImprint  FaultKind = "imprint"   // a good token for something else
	FaultTime     FaultKind = "time"      // a good token from yesterday
	FaultOversize FaultKind = "oversize"  // an answer that does not end
	FaultReject   FaultKind = "reject"    // status rejection
	FaultRedirect FaultKind = "redirect"  // a 307 to Location
	FaultTruncate FaultKind = "truncated" // the connection breaks in the middle of the answer
)

// Fault is one failure that the embedded server is to produce.
type Fault struct {
	Kind FaultKind
	// Status is the HTTP status of FaultStatus; 0 means 500.
	Status int
	// RetryAfter is the header of FaultStatus, as it stands.
	RetryAfter string
	// Delay is the pause of FaultSlow.
	Delay time.Duration
	// Location is where FaultRedirect leads; empty means to the same place.
	Location string
}

// serve produces the faults that need no token; it says whether the request is dealt with.
func (f Fault) serve(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case FaultDown:
		panic(http.ErrAbortHandler) // the way of net/http to break a connection
	case FaultSlow:
		return f.wait(r)
	case FaultStatus:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		http.Error(w, "out of order", status)
	case FaultGarbage:
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write([]byte("this is not a response"))
	case FaultHTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Please log in</body></html>"))
	case FaultOversize:
		f.flood(w, r)
	case FaultRedirect:
		location := f.Location
		if location == "" {
			location = r.URL.Path
		}
		http.Redirect(w, r, location, http.StatusTemporaryRedirect)
	case FaultTruncate:
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Header().Set("Content-Length", strconv.Itoa(4096))
		_, _ = w.Write([]byte{0x30, 0x82, 0x0f, 0xfc})
	default:
		return false
	}
	return true
}

// wait pauses; it says whether the client is gone.
func (f Fault) wait(r *http.Request) bool {
	var after <-chan time.Time
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-r.Context().Done():
		return true
	case <-after:
		return false
	}
}

// flood writes until the client has enough.
func (f Fault) flood(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/timestamp-reply")
	block := make([]byte, 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func (f Fault) imprint(b []byte) []byte {
	if f.Kind != FaultImprint || len(b) == 0 {
		return b
	}
	out := append([]byte(nil), b...)
	out[0] ^= 1
	return out
}

func (f Fault) nonce(n *big.Int) *big.Int {
	switch {
	case n == nil || f.Kind == FaultNoNonce:
		return nil
	case f.Kind == FaultNonce:
		return new(big.Int).Add(n, big.NewInt(1))
	}
	return n
}

func (f Fault) time(t time.Time) time.Time {
	if f.Kind == FaultTime {
		return t.AddDate(0, 0, -1)
	}
	return t
}
