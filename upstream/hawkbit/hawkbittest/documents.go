package hawkbittest

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type object = map[string]any

// link returns a HAL link to a resource of the controller.
func (s *Server) link(c call, rest string) object {
	path := "/" + s.cfg.tenant() + "/controller/v1/" + url.PathEscape(c.controller) + "/" + rest
	if s.cfg.RelativeLinks {
		return object{"href": path}
	}
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	return object{"href": cmp.Or(s.cfg.Scheme, scheme) + "://" + cmp.Or(s.cfg.Host, c.Host) + path}
}

// poll answers the base resource and registers the target.
func (s *Server) poll(c call, _ *action) reply {
	t := s.target(c.controller)
	links := object{}
	if open := s.openActions(t); len(open) > 0 {
		s.offer(c, open[0], links)
	}
	if t.installed > 0 {
		links["installedBase"] = s.link(c, "installedBase/"+strconv.Itoa(t.installed))
	}
	if t.wanted {
		links["configData"] = s.link(c, "configData")
	}
	doc := object{"config": object{"polling": object{"sleep": cmp.Or(s.cfg.Sleep, DefaultSleep)}}}
	if len(links) > 0 {
		doc["_links"] = links
	}
	return document(doc)
}

func (s *Server) offer(c call, a *action, links object) {
	tagged := fmt.Sprintf("/%s?c=%d", a.path(), a.tag(!s.cfg.NoWindowETag))
	switch a.status {
	case Canceling:
		links["cancelAction"] = s.link(c, "cancelAction/"+a.path())
	case Waiting:
		links["confirmationBase"] = s.link(c, "confirmationBase"+tagged)
	default:
		links["deploymentBase"] = s.link(c, "deploymentBase"+tagged)
	}
}

// deploymentBase answers an action that is to be carried out.
func (s *Server) deploymentBase(c call, a *action) reply {
	if a == nil || a.status == Canceling || a.status == Canceled || a.status == Waiting {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	if last := a.entries[len(a.entries)-1]; last.Status != Retrieved &&
		!a.add(Retrieved, "the target was told what to do") {
		return tooMany()
	}
	return s.deployment(c, a, "deployment")
}

// installedBase answers an action that was carried out.
func (s *Server) installedBase(c call, a *action) reply {
	if a == nil || a.status != Finished {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	return s.deployment(c, a, "deployment")
}

// confirmationBase answers an action that waits for the target's word.
func (s *Server) confirmationBase(c call, a *action) reply {
	if a == nil || a.status != Waiting {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	return s.deployment(c, a, "confirmation")
}

// deployment renders an action under key.
func (s *Server) deployment(c call, a *action, key string) reply {
	handling := "forced"
	if a.Type == Soft {
		handling = "attempt"
	}
	d := object{"download": handling, "update": handling}
	if a.Type == DownloadOnly || a.Window && !a.open {
		d["update"] = "skip"
	}
	if a.Window {
		d["maintenanceWindow"] = map[bool]string{true: "available", false: "unavailable"}[a.open]
	}
	chunks := []object{}
	for _, m := range a.modules {
		chunks = append(chunks, s.chunk(c, m))
	}
	d["chunks"] = chunks
	doc := object{"id": a.path(), key: d}
	if n, err := strconv.Atoi(c.URL.Query().Get("actionHistory")); err == nil && n != 0 {
		doc["actionHistory"] = object{"status": a.status, "messages": a.history(n)}
	}
	return document(doc)
}

// history returns up to n messages, all if n is negative, newest first.
func (a *action) history(n int) []string {
	messages := []string{}
	for _, e := range slices.Backward(a.entries) {
		messages = append(messages, e.Messages...)
	}
	if n >= 0 {
		messages = messages[:min(n, len(messages))]
	}
	return messages
}

// chunk renders a module.
func (s *Server) chunk(c call, m *module) object {
	part := map[string]string{"application": "bApp", "runtime": "jvm"}[m.Type]
	o := object{
		"part": cmp.Or(part, m.Type), "version": m.Version, "name": m.Name, "artifacts": s.files(c, m),
	}
	var metadata []object
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		metadata = append(metadata, object{"key": key, "value": m.Metadata[key]})
	}
	if metadata != nil {
		o["metadata"] = metadata
	}
	return o
}

func (s *Server) files(c call, m *module) []object {
	files := []object{}
	for _, f := range m.Files {
		hashes := object{"sha1": hexOf(sha1.Sum(f.Data)), "md5": hexOf(md5.Sum(f.Data))}
		if !s.cfg.OmitSHA256 {
			hashes["sha256"] = hexOf(sha256.Sum256(f.Data))
		}
		rel := cmp.Or(s.cfg.Rel, "download-http")
		at := fmt.Sprintf("softwaremodules/%d/artifacts/%s", m.id, url.PathEscape(f.Name))
		files = append(files, object{
			"filename": f.Name, "hashes": hashes, "size": len(f.Data),
			"_links": object{
				rel: s.link(c, at), strings.Replace(rel, "download", "md5sum", 1): s.link(c, at+".MD5SUM"),
			},
		})
	}
	return files
}

// hexOf writes a hash as the server does.
func hexOf[H [md5.Size]byte | [sha1.Size]byte | [sha256.Size]byte](h H) string {
	switch h := any(h).(type) {
	case [md5.Size]byte:
		return hex.EncodeToString(h[:])
	case [sha1.Size]byte:
		return hex.EncodeToString(h[:])
	case [sha256.Size]byte:
		return hex.EncodeToString(h[:])
	}
	return ""
}

// cancelAction answers what is to be given up.
func (s *Server) cancelAction(_ call, a *action) reply {
	if a == nil || a.status != Canceling {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	return document(object{"id": a.path(), "cancelAction": object{"stopId": a.path()}})
}

// autoConfirm answers the state of the automatic confirmation.
func (s *Server) autoConfirm(c call, _ *action) reply {
	t := s.target(c.controller)
	change := "activateAutoConfirm"
	if t.autoConfirm {
		change = "deactivateAutoConfirm"
	}
	return document(object{
		"autoConfirm": object{"active": t.autoConfirm},
		"_links":      object{change: s.link(c, "confirmationBase/"+change)},
	})
}
