package trust

import (
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

func FuzzReadList(f *testing.F) {
	f.Add([]byte{0x30, 0})
	p := newPublisher(&testing.T{})
	p.list(1, oidRootList, time.Time{})
	sd, err := cms.Parse(p.files["/authroot.stl"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sd.Content)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCTL(b, trustedRoots(), time.Unix(1800000000, 0))
		if err != nil {
			return
		}
		l, err := readRoots(c)
		if err == nil && len(l.entries)*20 > len(b) {
			t.Errorf("%d entries from %d bytes", len(l.entries), len(b))
		}
	})
}

func FuzzReadDisallowed(f *testing.F) {
	p := newPublisher(&testing.T{})
	f.Add([]byte{0x30, 0})
	f.Add(p.ctl(1, oidDisallowedList, time.Time{}, oidDisallowedHash, subjects(md5ID, oneID(32))))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCTL(b, disallowedCerts(), time.Unix(1800000000, 0))
		if err != nil {
			return
		}
		if l, err := readDisallowed(c); err == nil && len(l.Hashes)*16 > len(b) {
			t.Errorf("%d entries from %d bytes", len(l.Hashes), len(b))
		}
	})
}
