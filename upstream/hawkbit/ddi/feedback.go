package ddi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"havn/link"
)

// MaxDetail is the longest line of Feedback.Details, in bytes. A server splits
// longer ones into several entries.
const MaxDetail = 512

// Execution is how far the device is with an action.
type Execution string

// The executions that are reported.
const (
	Proceeding Execution = "proceeding"
	Downloaded Execution = "downloaded" // the device has all bytes; ends a download-only action
	Closed     Execution = "closed"     // ends the action
	Rejected   Execution = "rejected"   // of a deployment only informational
)

// Result is the outcome of an action.
type Result string

// The results of an action.
const (
	Success Result = "success"
	Failure Result = "failure"
	None    Result = "none" // not decided yet
)

// Feedback is what a device says about a deployment or a cancellation.
type Feedback struct {
	Execution Execution
	Result    Result
	Progress  *Progress // nil = not said
	Details   []string  // messages for people, at most MaxDetail bytes of each are sent
}

// Progress is a fraction.
type Progress struct {
	Count uint32 `json:"cnt"`
	Of    uint32 `json:"of"`
}

// feedback is the body of Feedback. Old servers need the ID, new ones ignore it.
type feedback struct {
	ID        string         `json:"id"`
	Timestamp int64          `json:"timestamp"` // Unix milliseconds
	Status    feedbackStatus `json:"status"`
}

type feedbackStatus struct {
	Execution Execution      `json:"execution"`
	Result    feedbackResult `json:"result"`
	Details   []string       `json:"details,omitempty"`
}

type feedbackResult struct {
	Finished Result    `json:"finished"`
	Progress *Progress `json:"progress,omitempty"`
}

// Feedback reports on the action behind a deploymentBase or cancelAction.
func (c *Client) Feedback(ctx context.Context, resource *url.URL, f Feedback) error {
	body := feedback{
		ID: ActionID(resource), Timestamp: time.Now().UnixMilli(),
		Status: feedbackStatus{Execution: f.Execution, Result: feedbackResult{f.Result, f.Progress}},
	}
	for _, detail := range f.Details {
		body.Status.Details = append(body.Status.Details, link.Clip(detail, MaxDetail))
	}
	if err := c.send(ctx, http.MethodPost, feedbackURL(resource), body); err != nil {
		return fmt.Errorf("feedback %s/%s: %w", f.Execution, f.Result, err)
	}
	return nil
}

// Confirm consents to the action behind a confirmationBase.
func (c *Client) Confirm(ctx context.Context, resource *url.URL, detail string) error {
	body := map[string]any{"confirmation": "confirmed", "details": []string{detail}}
	return c.send(ctx, http.MethodPost, feedbackURL(resource), body)
}

// Configure adds to the attributes of the controller behind a configData.
func (c *Client) Configure(ctx context.Context, resource *url.URL, data map[string]string) error {
	return c.send(ctx, http.MethodPut, resource, map[string]any{"mode": "merge", "data": data})
}
