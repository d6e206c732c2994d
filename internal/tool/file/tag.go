package file

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Tagging says which signature gets which tag.
type Tagging struct {
	args.Files
	// Value is the tag, or File names the file that holds it.
	Value, File string
	Index       int
	// Existing is refuse or replace; "" is refuse.
	Existing string
}

// Tag puts data into a signature that does not cover it.
func Tag(ctx context.Context, c *console.Console, t Tagging) error {
	add, replace := authenticode.PKCS7.AddTag, authenticode.PKCS7.ReplaceTag
	put, err := args.Choice("existing", t.Existing, map[string]func(authenticode.PKCS7, int, []byte) (authenticode.PKCS7, error){
		"": add, "refuse": add, "replace": replace,
	})
	if err != nil {
		return err
	}
	jobs, err := t.Jobs("")
	if err != nil {
		return err
	}
	data, err := t.data()
	if err != nil {
		return err
	}
	note := fmt.Sprintf("%d bytes, not covered by the signature", len(data))
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) {
		err := update(ctx, j, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
			if _, err := pick(p7, t.Index); err != nil {
				return nil, err
			}
			return put(p7, t.Index, data)
		})
		if errors.Is(err, authenticode.ErrTagged) {
			err = fault.New(fault.Other, "%w", err).Hint("use -existing=replace to replace the tag")
		}
		return note, err
	})
}

// data is what the tag becomes.
func (t Tagging) data() ([]byte, error) {
	switch {
	case (t.Value == "") == (t.File == ""):
		return nil, fault.New(fault.Usage, "give the tag with either -value= or -file=").Hint("-value=TEXT, or -file=PATH for the bytes of a file")
	case !utf8.ValidString(t.Value):
		return nil, fault.New(fault.Usage, "-value: not UTF-8").Hint("put binary data into a file and use -file=PATH")
	case t.Value != "":
		return sized([]byte(t.Value), "-value")
	}
	b, err := args.Read("file", t.File)
	if err != nil {
		return nil, err
	}
	return sized(b, "-file")
}

func sized(b []byte, flag string) ([]byte, error) {
	if len(b) == 0 || len(b) > authenticode.MaxTag {
		return nil, fault.New(fault.Usage, "%s: a tag has 1 to %d bytes", flag, authenticode.MaxTag)
	}
	return b, nil
}
