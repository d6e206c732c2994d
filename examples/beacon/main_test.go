package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary play the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("BEACON_PLAY") != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestHealth(t *testing.T) {
	clock := time.Unix(1000, 0)
	h := handler(func() time.Time { return clock })
	clock = clock.Add(90 * time.Second)
	for name, c := range map[string]struct {
		method, path string
		status       int
	}{
		"healthy":      {"GET", "/healthz", 200},
		"head":         {"HEAD", "/healthz", 200},
		"wrong method": {"POST", "/healthz", 405},
		"wrong path":   {"GET", "/", 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			if w.Code != c.status {
				t.Errorf("status is %d, want %d", w.Code, c.status)
			}
		})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	var got health
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (health{"ok", version, 90}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// start runs serve on a free port and returns its address and result.
func start(t *testing.T, ctx context.Context, s settings) (string, chan error) {
	t.Helper()
	address, done := make(chan string, 1), make(chan error, 1)
	s.listen = "127.0.0.1:0"
	go func() {
		done <- serve(ctx, slog.New(slog.DiscardHandler), s, func(a net.Addr) { address <- a.String() })
	}()
	select {
	case a := <-address:
		return a, done
	case err := <-done:
		t.Fatal(err)
	}
	return "", nil
}

func TestServeUntilStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, done := start(t, ctx, settings{shutdown: 5 * time.Second})
	resp, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status is %s", resp.Status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the port is still open")
	}
}

func TestStopDoesNotWaitForever(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, done := start(t, ctx, settings{shutdown: 50 * time.Millisecond})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// A request that never ends: Shutdown waits for it.
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Unfinished: ")
	waitUntilAccepted(t, address)
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("got %v, want that requests were still running", err)
	}
}

// waitUntilAccepted returns when the server has answered a connection made
// after the one in question: connections are accepted in order.
func waitUntilAccepted(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"-listen", l.Addr().String()}, io.Discard, &stderr); code != 1 {
		t.Errorf("exit status is %d, want 1", code)
	}
	if !strings.Contains(stderr.String(), "listening:") {
		t.Errorf("the log does not say why: %s", stderr.String())
	}
}

func TestCommandLine(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout string
	}{
		"version":          {[]string{"-version"}, 0, "beacon " + version + "\n"},
		"help":             {[]string{"-help"}, 0, ""},
		"unknown flag":     {[]string{"-nonsense"}, 2, ""},
		"stray argument":   {[]string{"now"}, 2, ""},
		"no time to stop":  {[]string{"-shutdown-timeout", "0s"}, 2, ""},
		"address is wrong": {[]string{"-listen", "nowhere"}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, io.Discard); code != c.code || stdout.String() != c.stdout {
				t.Errorf("got %d and %q, want %d and %q", code, stdout.String(), c.code, c.stdout)
			}
		})
	}
}

var listening = regexp.MustCompile(`address=(\S+)`)

// The signal has to reach the real program.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send an interrupt to another one on Windows")
	}
	cmd := exec.Command(os.Args[0], "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "BEACON_PLAY=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var log []byte
	buf := make([]byte, 1024)
	for !listening.Match(log) {
		n, err := stderr.Read(buf)
		if log = append(log, buf[:n]...); err != nil {
			t.Fatalf("the program ended early: %s", log)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if !bytes.Contains(rest, []byte("msg=stopped")) {
		t.Errorf("the log does not end with a stop: %s%s", log, rest)
	}
}
