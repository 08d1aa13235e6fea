package hawkbittest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// feedback is the body of feedback on a deployment or a cancellation.
type feedback struct {
	ID     json.RawMessage `json:"id"`
	Status *struct {
		Execution string `json:"execution"`
		Result    *struct {
			Finished string `json:"finished"`
		} `json:"result"`
		Code    *int     `json:"code"`
		Details []string `json:"details"`
	} `json:"status"`
}

// readFeedback returns the parts of a body that matter, if it is a valid one.
func readFeedback(body []byte) (f feedback, ok bool) {
	if json.Unmarshal(body, &f) != nil || f.Status == nil || f.Status.Result == nil {
		return f, false
	}
	switch f.Status.Result.Finished {
	case "success", "failure", "none":
	default:
		return f, false
	}
	switch f.Status.Execution {
	case "closed", "proceeding", "canceled", "scheduled":
	case "rejected", "resumed", "downloaded", "download":
	default:
		return f, false
	}
	return f, true
}

// about reports whether the feedback is on a, as old servers check it.
func (f feedback) about(a *action) bool { return strings.Trim(string(f.ID), `"`) == a.path() }

// messages are the details, long ones split, and one for the code.
func (f feedback) messages() (all []string) {
	for _, d := range f.Status.Details {
		text := []rune(d)
		for len(text) > maxMessage {
			all, text = append(all, string(text[:maxMessage])), text[maxMessage:]
		}
		all = append(all, string(text))
	}
	if f.Status.Code != nil {
		all = append(all, "status code given")
	}
	return all
}

// checked answers what is wrong with feedback on a, whatever it says.
func (s *Server) checked(c call, a *action) (f feedback, refusal reply) {
	f, ok := readFeedback(c.body)
	switch {
	case !ok:
		return f, unreadable()
	case a == nil || a.status == Waiting || s.cfg.CheckID && !f.about(a):
		return f, problem(http.StatusNotFound, "repo.entityNotFound")
	case !a.active:
		return f, status(http.StatusGone)
	case len(f.messages()) > maxMessages:
		return f, tooMany()
	}
	return f, nil
}

// deploymentFeedback records how a deployment goes.
func (s *Server) deploymentFeedback(c call, a *action) reply {
	f, refusal := s.checked(c, a)
	if refusal != nil {
		return refusal
	}
	stored := map[string]string{
		"canceled": Canceled, "rejected": Warning, "download": Download, "downloaded": Downloaded,
		"closed": Finished, "proceeding": Running, "scheduled": Running, "resumed": Running,
	}[f.Status.Execution]
	if f.Status.Execution == "closed" && f.Status.Result.Finished == "failure" {
		stored = Error
	}
	if !a.add(stored, f.messages()...) {
		return tooMany()
	}
	switch {
	case stored == Finished || stored == Error:
		a.end(stored)
	case stored == Downloaded && a.Type == DownloadOnly:
		a.end(Downloaded)
	}
	return status(http.StatusOK)
}

// cancelFeedback records whether a cancellation is accepted.
func (s *Server) cancelFeedback(c call, a *action) reply {
	f, refusal := s.checked(c, a)
	switch {
	case refusal != nil:
		return refusal
	case a.status != Canceling:
		return problem(http.StatusMethodNotAllowed, "action.notCancelable")
	}
	stored := map[string]string{
		"closed": Canceled, "rejected": CancelRejected, "canceled": Warning,
	}[f.Status.Execution]
	switch {
	case stored == "":
		stored = Running
	case stored == Canceled && f.Status.Result.Finished == "failure":
		stored = Error
	}
	if !a.add(stored, f.messages()...) {
		return tooMany()
	}
	switch stored {
	case Canceled:
		a.end(Canceled)
	case Error, CancelRejected:
		a.status = Running
	}
	return status(http.StatusOK)
}

// confirmationFeedback records the target's word on an action.
func (s *Server) confirmationFeedback(c call, a *action) reply {
	var f struct {
		Confirmation string   `json:"confirmation"`
		Details      []string `json:"details"`
	}
	err := json.Unmarshal(c.body, &f)
	switch {
	case err != nil || f.Confirmation != "confirmed" && f.Confirmation != "denied":
		return unreadable()
	case a == nil:
		return problem(http.StatusNotFound, "repo.entityNotFound")
	case !a.active:
		return status(http.StatusGone)
	case a.status != Waiting:
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	stored := Waiting
	if f.Confirmation == "confirmed" {
		stored = Running
	}
	if !a.add(stored, f.Details...) {
		return tooMany()
	}
	a.status = stored
	return status(http.StatusOK)
}

func (s *Server) activate(c call, _ *action) reply {
	t := s.target(c.controller)
	if t.autoConfirm {
		return problem(http.StatusConflict, "repo.autoConfirmationAlreadyActive")
	}
	t.autoConfirm = true
	for _, a := range s.openActions(t) {
		if a.status == Waiting && a.add(Running, "confirmed automatically") {
			a.status = Running
		}
	}
	return status(http.StatusOK)
}

func (s *Server) deactivate(c call, _ *action) reply {
	s.target(c.controller).autoConfirm = false
	return status(http.StatusOK)
}

var attribute = regexp.MustCompile(`^[A-Za-z0-9\s.,:;!?()_+*/@#%&='"<>\[\]{}|~^$-]{1,128}$`)

// configData records attributes.
func (s *Server) configData(c call, _ *action) reply {
	var f struct {
		Mode string            `json:"mode"`
		Data map[string]string `json:"data"`
	}
	t := s.targets[c.controller]
	if json.Unmarshal(c.body, &f) != nil || len(f.Data) == 0 {
		return unreadable()
	}
	for key, value := range f.Data {
		if !attribute.MatchString(key) || !attribute.MatchString(value) {
			return problem(http.StatusBadRequest, "repo.invalidTargetAttribute")
		}
	}
	if t == nil {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	return t.configure(f.Mode, f.Data)
}

// configure merges, replaces or removes attributes.
func (t *target) configure(mode string, data map[string]string) reply {
	next := map[string]string{}
	if mode != "replace" {
		for k, v := range t.attributes {
			next[k] = v
		}
	}
	for k, v := range data {
		if next[k] = v; mode == "remove" {
			delete(next, k)
		}
	}
	switch {
	case mode != "" && mode != "merge" && mode != "replace" && mode != "remove":
		return unreadable()
	case len(next) > maxAttributes:
		return tooMany()
	}
	t.attributes, t.wanted = next, false
	return status(http.StatusOK)
}
