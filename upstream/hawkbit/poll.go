package hawkbit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// How long to leave the server alone between two polls.
const (
	defaultSleep = 5 * time.Minute    // of a server whose sleep cannot be read
	minSleep     = 5 * time.Second    // of a server whose sleep is 0
	maxSleep     = 7 * 24 * time.Hour // a longer sleep would look like a dead gateway
)

// maxRounds bounds the polls that follow one another at once. A poll follows at
// once when an answer to the server changes what the server offers.
const maxRounds = 4

// refresh asks the server, if it is time to.
func (c *controller) refresh(ctx context.Context) error {
	if time.Now().Before(c.next) {
		return nil
	}
	unsent := c.settle(ctx)
	again := true
	for n := 0; again && n < maxRounds; n++ {
		if err := c.poll(ctx); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		var err error
		if again, err = c.follow(ctx); err != nil {
			return err
		}
	}
	c.next = c.asked.Add(c.sleep)
	if unsent != nil {
		c.source.log.Warn("hawkBit did not get the outcome of an action; tried again with the next poll",
			slog.String("controller", c.id), slog.Any("error", unsent))
	}
	return nil
}

// poll asks what the server offers.
func (c *controller) poll(ctx context.Context) error {
	s := c.source
	s.stats.Polls.Add(1)
	polled, err := s.client.Poll(ctx, c.url, c.polled)
	if err != nil {
		c.polled = ddi.Poll{}
		s.stats.PollFailures.Add(1)
		return err
	}
	c.polled, c.sleep, c.asked = polled, sleepOf(polled), time.Now()
	return nil
}

// sleepOf returns how long to leave the server alone, between minSleep and
// maxSleep.
func sleepOf(p ddi.Poll) time.Duration {
	d, err := p.Sleep()
	if err != nil {
		return defaultSleep
	}
	return min(max(d, minSleep), maxSleep)
}

// follow does what the last poll asks for, and reports whether the server may
// offer something else after it.
func (c *controller) follow(ctx context.Context) (again bool, err error) {
	offered := func(rel string) string { return c.polled.Links[rel].Href }
	if href := offered(ddi.ConfigData); href != "" {
		c.configure(ctx, href)
	}
	if href := offered(ddi.CancelAction); href != "" {
		return true, c.cancel(ctx, href)
	}
	if href := offered(ddi.DeploymentBase); href != "" {
		return false, c.deploy(ctx, href)
	}
	if href := offered(ddi.ConfirmationBase); href != "" {
		return c.confirm(ctx, href)
	}
	return false, c.idle(ctx, offered(ddi.InstalledBase))
}

// plain matches what hawkBit takes as the value of an attribute.
var plain = regexp.MustCompile(`^[A-Za-z0-9 ._:+/-]{1,128}$`)

// configure sends the attributes that the server asks for. The server goes on
// asking until it has the attributes.
func (c *controller) configure(ctx context.Context, href string) {
	data := map[string]string{"gateway": "havn"}
	if plain.MatchString(c.state.Current) {
		data["version"] = c.state.Current
	}
	u, err := ddi.Resource(c.url, href)
	if err == nil {
		err = c.source.client.Configure(ctx, u, data)
	}
	if err != nil {
		c.source.log.Warn("hawkBit did not get the attributes it asks for; tried again with the next poll",
			slog.String("controller", c.id), slog.Any("error", err))
	}
}

// cancel answers a cancellation: accepted, unless a device was allowed to swap.
func (c *controller) cancel(ctx context.Context, href string) error {
	u, err := ddi.Resource(c.url, href)
	if err != nil {
		return err
	}
	doc, err := c.source.client.Cancel(ctx, u)
	if ddi.Gone(err) {
		return nil // taken back meanwhile
	}
	if err != nil {
		return fmt.Errorf("cancelAction: %w", err)
	}
	answer := ddi.Feedback{
		Execution: ddi.Closed, Result: ddi.Success,
		Details: []string{"the device keeps what it runs"},
	}
	stop := string(doc.CancelAction.StopID)
	if a := c.state.Action; a != nil && a.ID == cmp.Or(stop, ddi.ActionID(u)) && !c.stop(a) {
		answer = ddi.Feedback{
			Execution: ddi.Rejected, Result: ddi.None,
			Details: []string{"too late: the device was told to swap"},
		}
	}
	if err := c.source.tell(ctx, u, answer); err != nil && !ddi.Final(err) {
		return fmt.Errorf("cancelAction: %w", err)
	}
	return nil
}

// stop ends the open action a for good, unless the device was allowed to swap.
func (c *controller) stop(a *action) bool {
	if a.Swapped || !c.gate.stop(a.Metadata.Digest) {
		a.Swapped = true
		c.commit()
		return false
	}
	c.drop(a)
	return true
}

// drop forgets the action a, which is not to be installed.
func (c *controller) drop(a *action) {
	c.source.withdraw(a.Metadata.Digest, a.Metadata.Origin)
	c.state.Action = nil
	if in := c.state.Installed; in == nil || in.Digest != a.Metadata.Digest {
		c.state.Cancelled = a.Metadata.Digest
	}
	c.source.log.Info("hawkBit action cancelled",
		slog.String("controller", c.id), slog.String("action", a.ID))
	c.commit()
}

// confirm says yes on behalf of the device, which has nobody to ask. A link
// without an action is only the state of the automatic confirmation.
func (c *controller) confirm(ctx context.Context, href string) (again bool, err error) {
	u, err := ddi.Resource(c.url, href)
	if err != nil || ddi.ActionID(u) == ddi.ConfirmationBase {
		return false, err
	}
	err = c.source.client.Confirm(ctx, u, "confirmed by the gateway of the device")
	if err != nil && !ddi.Final(err) {
		return false, fmt.Errorf("confirmation of action %s: %w", ddi.ActionID(u), err)
	}
	return true, nil
}

// idle handles a poll that offers no action.
func (c *controller) idle(ctx context.Context, installedHref string) error {
	if a := c.state.Action; a != nil && !a.Closed {
		c.endedElsewhere(a, installedHref)
	}
	if c.state.Action != nil || installedHref == "" {
		return nil
	}
	return c.installed(ctx, installedHref)
}

// endedElsewhere handles an open action that the server offers no more. An
// operator closed the action by force, or somebody else reported for the device.
func (c *controller) endedElsewhere(a *action, installedHref string) {
	u, err := ddi.Resource(c.url, installedHref)
	done := err == nil && ddi.ActionID(u) == a.ID
	if !done && !a.Swapped && c.gate.stop(a.Metadata.Digest) {
		c.drop(a)
		return
	}
	c.close(a, done)
	c.commit()
}

// close ends a. After a success, the firmware of a is the installed firmware.
func (c *controller) close(a *action, success bool) {
	a.Closed = true
	if success {
		c.state.Installed, c.state.InstalledID = &a.Metadata, a.ID
	}
	c.source.withdraw(a.Metadata.Digest, a.Metadata.Origin)
}

// installed finds out what a device runs whose actions all ended before this
// gateway knew of them. A firmware that cannot be used is not asked for again.
func (c *controller) installed(ctx context.Context, href string) error {
	u, err := ddi.Resource(c.url, href)
	if err != nil || ddi.ActionID(u) == c.state.InstalledID {
		return err
	}
	d, err := c.source.client.Deployment(ctx, u)
	if err != nil && !ddi.Gone(err) {
		return fmt.Errorf("installedBase: %w", err)
	}
	c.state.InstalledID, c.state.Installed = ddi.ActionID(u), nil
	if m, err := c.firmware(u, d); err == nil {
		c.state.Installed = &m
	}
	c.commit()
	return nil
}

// waiting reports whether the outcome of an action is still to be sent.
func (c *controller) waiting(id string) bool {
	return slices.ContainsFunc(c.state.Outcomes, func(o outcome) bool { return o.Action == id })
}

var _ firmware.Source = (*Source)(nil)
