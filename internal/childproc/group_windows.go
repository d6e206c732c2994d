package childproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object. Windows ends all its processes when its last handle is
// closed, which happens at the latest when this process ends. A process may
// leave it if it asks for that when it is created (CREATE_BREAKAWAY_FROM_JOB).
type group struct{ job windows.Handle }

func newGroup() (*group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("making a job object: %w", err)
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		windows.CloseHandle(job)
		return nil, fmt.Errorf("setting up a job object: %w", err)
	}
	return &group{job}, nil
}

// start starts the program. Until it is in the job it does not run, so nothing
// that it starts is outside. A process group of its own keeps Ctrl-C from it:
// this process decides what happens then.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		return err
	}
	err := errors.New("the process handle is gone")
	if e := cmd.Process.WithHandle(func(h uintptr) { err = windows.AssignProcessToJobObject(g.job, windows.Handle(h)) }); e != nil {
		err = e
	}
	if err == nil {
		err = resume(uint32(cmd.Process.Pid))
	}
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("starting the program in a job object: %w", err)
	}
	return nil
}

// resume lets the threads of a suspended process run; it has a single one.
func resume(pid uint32) error {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snapshot)
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	found := false
	for err = windows.Thread32First(snapshot, &entry); err == nil; err = windows.Thread32Next(snapshot, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		if err := resumeThread(entry.ThreadID); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return errors.New("the program has no thread")
	}
	return nil
}

func resumeThread(id uint32) error {
	thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, id)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(thread)
	_, err = windows.ResumeThread(thread)
	return err
}

// kill ends everything in the job.
func (g *group) kill() error {
	if err := windows.TerminateJobObject(g.job, 1); err != nil {
		return os.ErrProcessDone
	}
	return nil
}

// close ends what is left in the job.
func (g *group) close() { windows.CloseHandle(g.job) }
