package peimage

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// Sizes of the pipeline between the one reader and the sinks: 256 KiB a pass.
const (
	chunkSize  = 64 << 10 // an even number: the checksum counts 16-bit words
	chunkCount = 4
)

// A sink takes the file's bytes in order.
type sink interface {
	write(p []byte, off int64)
}

type chunk struct {
	buf  []byte
	n    int
	off  int64
	refs atomic.Int32
}

// pump reads size bytes of r in order and gives each chunk to every sink. Sinks run in
// parallel when the file has more than one chunk.
func pump(ctx context.Context, r io.ReaderAt, size int64, sinks []sink) error {
	if len(sinks) == 0 {
		return nil
	}
	if size <= chunkSize {
		buf := make([]byte, size)
		if err := readFull(r, buf, 0); err != nil {
			return fmt.Errorf("reading PE file: %w", err)
		}
		for _, s := range sinks {
			s.write(buf, 0)
		}
		return ctx.Err()
	}
	free := make(chan *chunk, chunkCount)
	for range chunkCount {
		free <- &chunk{buf: make([]byte, chunkSize)}
	}
	queues := make([]chan *chunk, len(sinks))
	var running sync.WaitGroup
	for i, s := range sinks {
		queues[i] = make(chan *chunk, chunkCount)
		running.Go(func() { drain(s, queues[i], free) })
	}
	err := feed(ctx, r, size, queues, free)
	for _, q := range queues {
		close(q)
	}
	running.Wait()
	return err
}

func drain(s sink, queue <-chan *chunk, free chan<- *chunk) {
	for c := range queue {
		s.write(c.buf[:c.n], c.off)
		if c.refs.Add(-1) == 0 {
			free <- c
		}
	}
}

func feed(ctx context.Context, r io.ReaderAt, size int64, queues []chan *chunk, free <-chan *chunk) error {
	for off := int64(0); off < size; off += chunkSize {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := <-free
		c.off, c.n = off, int(min(chunkSize, size-off))
		if err := readFull(r, c.buf[:c.n], off); err != nil {
			return fmt.Errorf("reading PE file at offset 0x%x: %w", off, err)
		}
		c.refs.Store(int32(len(queues)))
		for _, q := range queues {
			q <- c
		}
	}
	return nil
}

// spanSink hashes the bytes inside spans, which are ascending, then pad zero bytes.
type spanSink struct {
	hash  hash.Hash
	spans []Range
	pad   int64
}

func (s *spanSink) write(p []byte, off int64) {
	end := off + int64(len(p))
	for len(s.spans) > 0 {
		span := s.spans[0]
		from, to := max(span.Offset, off), min(span.End(), end)
		if from < to {
			s.hash.Write(p[from-off : to-off])
		}
		if span.End() > end {
			return
		}
		s.spans = s.spans[1:]
	}
}

func (s *spanSink) sum() []byte {
	s.hash.Write(make([]byte, s.pad))
	return s.hash.Sum(nil)
}
