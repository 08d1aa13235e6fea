package hawkbit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"havn/firmware"
)

// maxRounds bounds the polls that follow one another at once because what was
// answered changes what the server offers.
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
		c.source.log.Warn("outcome of a hawkBit action not sent; trying again with the next poll",
			slog.String("controller", c.id), slog.Any("error", unsent))
	}
	return nil
}

// poll asks what the server offers. An unchanged answer stands as it is held.
func (c *controller) poll(ctx context.Context) error {
	s := c.source
	s.stats.Polls.Add(1)
	a, err := s.exchange(ctx, request{method: http.MethodGet, url: c.url, etag: c.etag})
	if err == nil && !a.unchanged {
		c.etag = a.etag
		c.polled, err = parse[poll](a.body)
	}
	if err != nil {
		c.etag = ""
		s.stats.PollFailures.Add(1)
		return err
	}
	c.sleep = sleepOr(string(c.polled.Config.Polling.Sleep), defaultSleep)
	c.asked = time.Now()
	return nil
}

// follow does what the last poll asks for. It reports whether that changes what
// the server offers.
func (c *controller) follow(ctx context.Context) (again bool, err error) {
	offered := func(rel string) string { return c.polled.Links[rel].Href }
	if href := offered("configData"); href != "" {
		c.configure(ctx, href)
	}
	if href := offered("cancelAction"); href != "" {
		return true, c.cancel(ctx, href)
	}
	if href := offered("deploymentBase"); href != "" {
		return false, c.deploy(ctx, href)
	}
	if href := offered("confirmationBase"); href != "" {
		return c.confirm(ctx, href)
	}
	return false, c.idle(ctx, offered("installedBase"))
}

// plain matches what hawkBit takes as the value of an attribute.
var plain = regexp.MustCompile(`^[A-Za-z0-9 ._:+/-]{1,128}$`)

// configure sends the attributes the server asks for. It goes on asking until it
// has them.
func (c *controller) configure(ctx context.Context, href string) {
	data := map[string]string{"gateway": "havn"}
	if plain.MatchString(c.state.Current) {
		data["version"] = c.state.Current
	}
	body := map[string]any{"mode": "merge", "data": data}
	u, err := resource(c.url, href)
	if err == nil {
		_, err = c.source.exchange(ctx, request{method: http.MethodPut, url: u, body: body})
	}
	if err != nil {
		c.source.log.Warn("attributes not sent to hawkBit; trying again with the next poll",
			slog.String("controller", c.id), slog.Any("error", err))
	}
}

// cancel answers a cancellation: accepted, unless a device was allowed to swap.
func (c *controller) cancel(ctx context.Context, href string) error {
	u, err := resource(c.url, href)
	if err != nil {
		return err
	}
	doc, err := get[cancel](ctx, c.source, u)
	if gone(err) {
		return nil // taken back meanwhile
	}
	if err != nil {
		return fmt.Errorf("cancelAction: %w", err)
	}
	answer := feedbackStatus{
		Execution: closed, Result: feedbackResult{Finished: success},
		Details: []string{"the device keeps what it runs"},
	}
	stop := string(doc.CancelAction.StopID)
	if a := c.state.Action; a != nil && a.ID == cmp.Or(stop, actionID(u)) && !c.stop(a) {
		answer = feedbackStatus{
			Execution: rejected, Result: feedbackResult{Finished: none},
			Details: []string{"too late: the device was told to swap"},
		}
	}
	if err := c.source.tell(ctx, u, answer); err != nil && !final(err) {
		return fmt.Errorf("cancelAction: %w", err)
	}
	return nil
}

// stop ends the open action a for good, unless it is too late for that.
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
	u, err := resource(c.url, href)
	if err != nil || actionID(u) == "confirmationBase" {
		return false, err
	}
	body := map[string]any{
		"confirmation": "confirmed", "details": []string{"confirmed by the gateway of the device"},
	}
	_, err = c.source.exchange(ctx, request{method: http.MethodPost, url: feedbackURL(u), body: body})
	if err != nil && !final(err) {
		return false, fmt.Errorf("confirmation of action %s: %w", actionID(u), err)
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

// endedElsewhere handles an open action that the server offers no more: an
// operator closed it by force, or somebody else reported for the device.
func (c *controller) endedElsewhere(a *action, installedHref string) {
	u, err := resource(c.url, installedHref)
	done := err == nil && actionID(u) == a.ID
	if !done && !a.Swapped && c.gate.stop(a.Metadata.Digest) {
		c.drop(a)
		return
	}
	c.close(a, done)
	c.commit()
}

// close ends a; success makes its firmware the installed one.
func (c *controller) close(a *action, success bool) {
	a.Closed = true
	if success {
		c.state.Installed, c.state.InstalledID = &a.Metadata, a.ID
	}
	c.source.withdraw(a.Metadata.Digest, a.Metadata.Origin)
}

// installed finds out what a device runs whose actions all ended before this
// gateway knew of them. What is of no use is not asked for again.
func (c *controller) installed(ctx context.Context, href string) error {
	u, err := resource(c.url, href)
	if err != nil || actionID(u) == c.state.InstalledID {
		return err
	}
	d, err := get[deployment](ctx, c.source, u)
	if err != nil && !gone(err) {
		return fmt.Errorf("installedBase: %w", err)
	}
	c.state.InstalledID, c.state.Installed = actionID(u), nil
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
