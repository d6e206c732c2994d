package resource

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"slices"

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

// mainIcon is the group that Windows shows as the program's icon: the first
// one, names before numbers. Further groups, which the program may load
// itself, stay when the icon is replaced.
func mainIcon(t table) winres.Identifier {
	if groups := t.each(winres.RT_GROUP_ICON, nil); len(groups) > 0 {
		return groups[0].id
	}
	return winres.ID(1)
}

// removeGroup removes a group in all languages, and its images unless another
// group uses them too.
func removeGroup(t table, id winres.Identifier) {
	images := imagesOf(t, id)
	t.remove(winres.RT_GROUP_ICON, id)
	inUse := imagesOf(t, nil)
	for _, image := range images {
		if !slices.Contains(inUse, image) {
			t.remove(winres.RT_ICON, image)
		}
	}
}

// imagesOf lists the RT_ICON numbers in a group, or in all of them: 14 bytes
// an image after a header of 6, with the number in the last two
// (GRPICONDIRENTRY).
func imagesOf(t table, group winres.Identifier) []winres.ID {
	var images []winres.ID
	for _, k := range t.each(winres.RT_GROUP_ICON, group) {
		b := t[k]
		for at := 6; at+14 <= len(b); at += 14 {
			images = append(images, winres.ID(uint16(b[at+12])|uint16(b[at+13])<<8))
		}
	}
	return images
}
