package coap

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// child is a server of ours as a process of its own: see ServeGateway.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr netip.AddrPort
}

// patience is how long a child may take to end before it is killed.
const patience = 5 * time.Second

// startChild starts cmd on one CPU, with one thread of Go, and reads its address.
func startChild(cmd *exec.Cmd, cpu int) (_ *child, err error) {
	c := &child{cmd: cmd}
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	cmd.Stderr = os.Stderr
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1")
	if err := startOn(cmd, cpu); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd, err)
	}
	line, err := c.out.ReadString('\n')
	if err == nil {
		c.addr, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s did not print its address: %w", cmd, err)
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// count returns one of the child's counters.
func (c *child) count(name string) (uint64, error) {
	if _, err := fmt.Fprintln(c.in, name); err != nil {
		return 0, fmt.Errorf("ask %s for its counters: %w", c.cmd, err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("counters of %s: %w", c.cmd, err)
	}
	return strconv.ParseUint(strings.TrimSpace(line), 10, 64)
}

// close ends the child, by force where it does not listen. How the child ends
// does not matter.
func (c *child) close() {
	_ = c.in.Close()
	kill := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_ = c.cmd.Wait()
}
