package language

import (
	"strings"
	"testing"
)

func TestID(t *testing.T) {
	for tag, want := range map[string]uint16{"en-US": 0x409, "EN-us": 0x409, "de-CH": 0x807} {
		if got, err := ID(tag); err != nil || got != want {
			t.Errorf("%s: got %#x, %v", tag, got, err)
		}
	}
	if _, err := ID("de"); err == nil || !strings.Contains(err.Error(), "de-AT, de-CH, de-DE") {
		t.Errorf("got %v, want the regions of German", err)
	}
	if _, err := ID("tlh-KX"); err == nil {
		t.Error("Klingon is accepted")
	}
}
