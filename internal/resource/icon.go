package resource

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"

	"github.com/tc-hib/winres"
)

// Icon is the program's icon in several sizes.
type Icon struct{ icon *winres.Icon }

// Bounds on icon files: bytes, pixels on a side of a PNG, images in an ICO.
const (
	MaxIcon       = 16 << 20
	maxPixels     = 4096
	maxIconImages = 64
)

// sizes are the widths that Windows shows icons in ("Icons", Windows app
// design guidance), from the largest.
var sizes = []int{256, 128, 64, 48, 32, 24, 16}

// ParseIcon reads an .ico file, whose images are taken over as they are, or a
// .png file, which is scaled to the usual sizes up to its own.
func ParseIcon(b []byte) (icon *Icon, err error) {
	defer guardIcon(&err)
	switch {
	case len(b) > MaxIcon:
		return nil, fmt.Errorf("the icon has %d bytes, more than %d", len(b), MaxIcon)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return parsePNG(b)
	case bytes.HasPrefix(b, []byte{0, 0, 1, 0}):
		return parseICO(b)
	}
	return nil, errors.New("the icon is neither an ICO nor a PNG file")
}

func guardIcon(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the icon is damaged (%v)", p)
	}
}

func parsePNG(b []byte) (*Icon, error) {
	config, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("reading the icon: %v", err)
	}
	if config.Width != config.Height {
		return nil, fmt.Errorf("the icon has %d × %d pixels; it must be square", config.Width, config.Height)
	}
	if config.Width > maxPixels || config.Width < sizes[len(sizes)-1] {
		return nil, fmt.Errorf("the icon is %d pixels wide; it must be between %d and %d", config.Width, sizes[len(sizes)-1], maxPixels)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("reading the icon: %v", err)
	}
	var fit []int
	for _, s := range sizes {
		if s <= config.Width {
			fit = append(fit, s)
		}
	}
	icon, err := winres.NewIconFromResizedImage(img, fit)
	if err != nil {
		return nil, fmt.Errorf("scaling the icon: %v", err)
	}
	return &Icon{icon}, nil
}

// parseICO checks the directory of the file before anything is allocated for
// what it announces (ICONDIR: reserved, type, count; 16 bytes an image with
// size at 8 and offset at 12).
func parseICO(b []byte) (*Icon, error) {
	if len(b) < 6 {
		return nil, errors.New("the icon is cut short")
	}
	count := int(b[4]) | int(b[5])<<8
	if count == 0 || count > maxIconImages {
		return nil, fmt.Errorf("the icon has %d images; it must have 1 to %d", count, maxIconImages)
	}
	if len(b) < 6+16*count {
		return nil, errors.New("the icon is cut short")
	}
	icon, err := winres.LoadICO(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("reading the icon: %v", err)
	}
	return &Icon{icon}, nil
}

// merge makes the icon that of the program. Windows shows the first group:
// names come before numbers. A group that is there already is replaced, with
// its images; further groups, which the program may load itself, stay.
func (i *Icon) merge(rs *winres.ResourceSet) error {
	var id winres.Identifier = winres.ID(1)
	found := false
	var kept []winres.Identifier
	rs.WalkType(winres.RT_GROUP_ICON, func(group winres.Identifier, _ uint16, _ []byte) bool {
		if !found {
			id, found = group, true
		}
		if group != id {
			kept = append(kept, group)
		}
		return true
	})
	if found {
		if err := removeGroup(rs, id, kept); err != nil {
			return err
		}
	}
	if err := rs.SetIcon(id, i.icon); err != nil {
		return fmt.Errorf("setting the icon: %v", err)
	}
	return nil
}

// removeGroup removes a group in all languages, and the images that no kept
// group uses.
func removeGroup(rs *winres.ResourceSet, id winres.Identifier, kept []winres.Identifier) error {
	inUse := map[winres.ID]bool{}
	for _, group := range kept {
		for _, image := range imagesOf(rs, group) {
			inUse[image] = true
		}
	}
	for _, image := range imagesOf(rs, id) {
		if inUse[image] {
			continue
		}
		if err := removeAll(rs, winres.RT_ICON, image); err != nil {
			return err
		}
	}
	return removeAll(rs, winres.RT_GROUP_ICON, id)
}

func removeAll(rs *winres.ResourceSet, kind, id winres.Identifier) error {
	for _, language := range languagesOf(rs, kind, id) {
		if err := rs.Set(kind, id, language, nil); err != nil {
			return fmt.Errorf("replacing the icon: %v", err)
		}
	}
	return nil
}

// imagesOf lists the RT_ICON numbers in a group: 14 bytes an image behind a
// header of 6, with the number in the last two (GRPICONDIRENTRY).
func imagesOf(rs *winres.ResourceSet, group winres.Identifier) []winres.ID {
	var images []winres.ID
	for _, language := range languagesOf(rs, winres.RT_GROUP_ICON, group) {
		b := rs.Get(winres.RT_GROUP_ICON, group, language)
		for at := 6; at+14 <= len(b); at += 14 {
			images = append(images, winres.ID(uint16(b[at+12])|uint16(b[at+13])<<8))
		}
	}
	return images
}
