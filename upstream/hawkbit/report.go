package hawkbit

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"havn/firmware"
	"havn/link"
	"havn/status"
	"havn/upstream/hawkbit/ddi"
)

// Reporter takes the progress of devices. Source implements it.
type Reporter interface {
	// Report tells the server what the server does not know yet. It may be called
	// with every change of a device, in the order of the changes: most calls send
	// nothing. An outcome is kept until the server has taken it, whatever the
	// error. Progress that failed to be sent is due again with the next report.
	Report(ctx context.Context, controller string, s status.Status) error
}

var _ Reporter = (*Source)(nil)

// Limits of informational entries. The entries of an action, 1000 on a default
// server, include the server's own, and one must be left for the outcome.
const (
	progressStep = 5                // percent
	minInterval  = 10 * time.Second // between two informational entries
	maxEntries   = 60               // per action
)

// Report implements Reporter. A status of another image than the image of the open
// action is not reported, nor a status of that image under an earlier action.
func (s *Source) Report(ctx context.Context, id string, st status.Status) error {
	c := s.controller(id)
	if err := c.acquire(ctx); err != nil {
		return err
	}
	defer c.release()
	st.Current = link.Clip(st.Current, firmware.MaxVersion)
	st.Error = link.Clip(st.Error, ddi.MaxDetail)
	if c.state.Current != st.Current && st.Current != "" {
		c.state.Current = st.Current
		c.commit()
	}
	a := c.state.Action
	if a == nil || !a.open() || a.ID != st.Order || a.Metadata.Digest != st.Digest {
		return c.wrap(c.settle(ctx))
	}
	return c.wrap(c.report(ctx, a, &st))
}

func (c *controller) report(ctx context.Context, a *action, st *status.Status) error {
	switch st.State {
	case status.InSync:
		return c.end(ctx, a, ddi.Closed, ddi.Success, "the device runs "+st.Current)
	case status.Failed:
		return c.end(ctx, a, ddi.Closed, ddi.Failure, st.Error)
	case status.Updating:
		if st.Offset >= a.Metadata.Size {
			return c.written(ctx, a)
		}
		return c.progress(ctx, a, st.Offset)
	case status.Waiting:
		return c.wait(ctx, a, st.Error)
	case status.Unknown: // nothing to say
	}
	return nil
}

// progress sends an entry when the device is a step further than it was in the
// entry before. A device that starts over is silent until then.
func (c *controller) progress(ctx context.Context, a *action, offset uint32) error {
	size := a.Metadata.Size
	percent := uint32(uint64(offset) * 100 / uint64(size))
	if percent < a.Next || !c.mayInform(a) {
		return nil
	}
	err := c.inform(ctx, a, ddi.Feedback{
		Execution: ddi.Proceeding, Result: ddi.None, Progress: &ddi.Progress{Count: percent, Of: 100},
		Details: []string{fmt.Sprintf("%d %%: %d of %d bytes written", percent, offset, size)},
	})
	if err != nil {
		return err
	}
	a.Next, a.Said = percent+progressStep, ""
	c.commit()
	return nil
}

// wait sends why the device waits, once per reason.
func (c *controller) wait(ctx context.Context, a *action, reason string) error {
	if reason == "" || reason == a.Said || !c.mayInform(a) {
		return nil
	}
	err := c.inform(ctx, a, ddi.Feedback{
		Execution: ddi.Proceeding, Result: ddi.None, Details: []string{reason},
	})
	if err != nil {
		return err
	}
	a.Said = reason
	c.commit()
	return nil
}

// written notes that the device has the whole image. A device that may swap swaps
// now. A download-only action ends.
func (c *controller) written(ctx context.Context, a *action) error {
	const text = "the device has the whole image"
	if a.downloadOnly() {
		return c.end(ctx, a, ddi.Downloaded, ddi.None, text)
	}
	if !a.Swapped && c.gate.ask(a.Metadata.Digest, time.Now()) == nil {
		a.Swapped = true
		c.commit()
	}
	if a.Written {
		return nil
	}
	err := c.inform(ctx, a, ddi.Feedback{
		Execution: ddi.Downloaded, Result: ddi.None, Details: []string{text},
	})
	if err != nil {
		return err
	}
	a.Written = true
	c.commit()
	return nil
}

func (c *controller) mayInform(a *action) bool {
	return a.Entries < maxEntries && time.Since(c.said) >= minInterval
}

// inform sends an entry that does not end the action. An entry that the server
// refuses is forgotten: the next poll tells why.
func (c *controller) inform(ctx context.Context, a *action, f ddi.Feedback) error {
	u, err := url.Parse(a.URL)
	if err != nil {
		return err
	}
	c.said = time.Now()
	err = c.source.tell(ctx, u, f)
	switch {
	case ddi.Full(err):
		a.Entries = maxEntries
	case err != nil && !ddi.Final(err):
		return err
	}
	a.Entries++
	return nil
}

// end gives an action its outcome. The outcome is stored first, then sent.
func (c *controller) end(
	ctx context.Context, a *action, execution ddi.Execution, result ddi.Result, detail string,
) error {
	c.close(a, result == ddi.Success)
	o := outcome{Action: a.ID, URL: a.URL, Execution: execution, Finished: result, Detail: detail}
	c.state.Outcomes = append(c.state.Outcomes, o)
	if extra := len(c.state.Outcomes) - maxOutcomes; extra > 0 {
		c.state.Outcomes = c.state.Outcomes[extra:]
	}
	c.commit()
	return c.settle(ctx)
}

// settle sends the outcomes that the server has not taken yet.
func (c *controller) settle(ctx context.Context) error {
	for len(c.state.Outcomes) > 0 {
		o := c.state.Outcomes[0]
		if err := c.conclude(ctx, o); err != nil {
			return err
		}
		c.state.Outcomes = c.state.Outcomes[1:]
		c.next = time.Time{} // the server may have something else to offer now
		c.commit()
	}
	return nil
}

// conclude sends one outcome. An action that the server does not know, or has
// closed already, needs no outcome.
func (c *controller) conclude(ctx context.Context, o outcome) error {
	u, err := url.Parse(o.URL)
	if err != nil {
		return err
	}
	err = c.source.tell(ctx, u, ddi.Feedback{
		Execution: o.Execution, Result: o.Finished, Details: []string{o.Detail},
	})
	if err == nil || !ddi.Final(err) {
		return err
	}
	c.source.log.Warn("hawkBit refuses the outcome of its action; the outcome is given up",
		slog.String("controller", c.id), slog.String("action", o.Action),
		slog.String("outcome", string(o.Finished)), slog.Any("error", err))
	return nil
}

// tell sends feedback on the action behind u.
func (s *Source) tell(ctx context.Context, u *url.URL, f ddi.Feedback) error {
	s.stats.Feedback.Add(1)
	err := s.client.Feedback(ctx, u, f)
	if err != nil {
		s.stats.FeedbackFailures.Add(1)
	}
	return err
}
