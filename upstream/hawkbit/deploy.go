package hawkbit

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"

	"havn/firmware"
	"havn/upstream/hawkbit/ddi"
)

// deploy takes over the action that the server offers.
func (c *controller) deploy(ctx context.Context, href string) error {
	u, err := ddi.Resource(c.url, href)
	if err != nil {
		return err
	}
	a := c.state.Action
	if a != nil && a.ID == ddi.ActionID(u) && a.URL == u.String() && a.stable() {
		c.reopen(a)
		return nil
	}
	d, err := c.source.client.Deployment(ctx, u)
	if err != nil {
		return fmt.Errorf("deploymentBase %s: %w", ddi.ActionID(u), err)
	}
	c.take(u, d)
	c.complain(ctx)
	return nil
}

// reopen handles a closed action that the server still offers. The server has lost
// the outcome, and the device's next report brings the outcome again.
func (c *controller) reopen(a *action) {
	if a.Closed && !c.waiting(a.ID) {
		a.Closed = false
		c.commit()
	}
}

// take makes d the controller's action. An action that is known keeps its counts.
func (c *controller) take(u *url.URL, d ddi.Deployment) {
	next := action{ID: ddi.ActionID(u)}
	if old := c.state.Action; old != nil && old.ID == next.ID {
		next = *old
	} else if old != nil {
		c.source.withdraw(old.Metadata.Digest, old.Metadata.Origin)
	}
	known := next
	next.URL, next.Invalid = u.String(), ""
	next.Deferred = d.Deployment.Download == ddi.Skip
	next.Skip = d.Deployment.Update == ddi.Skip || d.Deployment.Window == ddi.Unavailable
	next.Window = d.Deployment.Window != ""
	m, err := c.firmware(u, d)
	if err != nil {
		next.Invalid = strings.TrimPrefix(err.Error(), firmware.ErrInvalid.Error()+": ")
	}
	next.Metadata = m
	if next.Closed && !c.waiting(next.ID) {
		next.Closed = false
	}
	if reflect.DeepEqual(next, known) {
		return
	}
	if known.URL == "" {
		c.source.log.Info("hawkBit action assigned", slog.String("controller", c.id),
			slog.String("action", next.ID), slog.String("version", m.Version))
	}
	c.state.Action, c.state.Cancelled = &next, firmware.Digest{}
	c.commit()
}

// firmware returns the image to be taken from a deployment that was read at u.
func (c *controller) firmware(u *url.URL, d ddi.Deployment) (firmware.Metadata, error) {
	pick, err := choose(d, c.source.pattern)
	if err != nil {
		return firmware.Metadata{}, err
	}
	m, err := pick.metadata()
	if err != nil {
		return firmware.Metadata{}, err
	}
	from, err := pick.URL(u)
	if err != nil {
		return firmware.Metadata{}, fmt.Errorf("%w: %s: %w", firmware.ErrInvalid, pick.file(), err)
	}
	m.Order = ddi.ActionID(u)
	m.Origin = firmware.Origin{
		Kind: Kind.Name, Repository: c.id, Manifest: m.Order, Path: from.String(),
	}
	return m, nil
}

// complain tells the server once why its action cannot be used.
func (c *controller) complain(ctx context.Context) {
	a := c.state.Action
	if a.Invalid == "" || a.Said == a.Invalid {
		return
	}
	err := c.inform(ctx, a, ddi.Feedback{
		Execution: ddi.Rejected, Result: ddi.None, Details: []string{a.Invalid},
	})
	if err != nil {
		c.source.log.Warn("hawkBit was not told why its action cannot be used; "+
			"tried again with the next poll",
			slog.String("controller", c.id), slog.String("action", a.ID), slog.Any("error", err))
		return
	}
	a.Said = a.Invalid
	c.commit()
}
