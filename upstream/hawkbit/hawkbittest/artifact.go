package hawkbittest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// uploaded is when all artifacts were.
var uploaded = time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)

// allowed returns the module of that ID with the action that gives the target
// access to it: open, and not being cancelled.
func (s *Server) allowed(c call) (*module, *action) {
	id, err := strconv.Atoi(c.path[1])
	if err != nil {
		return nil, nil
	}
	for _, a := range s.actions {
		if a.target.id != c.controller || !a.active || a.status == Canceling {
			continue
		}
		if i := slices.IndexFunc(a.modules, func(m *module) bool { return m.id == id }); i >= 0 {
			return a.modules[i], a
		}
	}
	return nil, nil
}

// artifacts lists the files of a module.
func (s *Server) artifacts(c call, _ *action) reply {
	m, _ := s.allowed(c)
	if m == nil {
		return problem(http.StatusNotFound, "repo.entityNotFound")
	}
	return document(s.files(c, m))
}

// download answers a file or its MD5SUM. A whole download makes an entry.
func (s *Server) download(c call, _ *action) reply {
	m, a := s.allowed(c)
	if m == nil {
		return status(http.StatusNotFound)
	}
	name, sum := strings.CutSuffix(c.path[3], ".MD5SUM")
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == name })
	switch {
	case i < 0:
		return status(http.StatusNotFound)
	case sum:
		return checksum(m.Files[i])
	case !m.Files[i].matches(c.Header.Get("If-Match")):
		return status(http.StatusPreconditionFailed)
	case c.Header.Get("Range") == "" && !a.add(Download, "the target downloads "+name):
		return tooMany()
	}
	return content(m.Files[i])
}

func checksum(f File) reply {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Disposition", "attachment;filename="+f.Name+".MD5SUM")
		fmt.Fprintf(w, "%x  %s", md5.Sum(f.Data), f.Name)
	}
}

// matches reports whether an If-Match header, which may name the SHA-1 without
// quotes, lets the file pass.
func (f File) matches(ifMatch string) bool {
	sum := fmt.Sprintf("%x", sha1.Sum(f.Data))
	return ifMatch == "" || ifMatch == "*" || strings.Trim(ifMatch, `"`) == sum
}

// content answers a file. If-None-Match is not for downloads.
func content(f File) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		etag := fmt.Sprintf(`"%x"`, sha1.Sum(f.Data))
		r = r.Clone(r.Context())
		r.Header.Del("If-None-Match")
		r.Header.Del("If-Modified-Since")
		r.Header.Del("If-Match") // was looked at
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", "attachment;filename="+f.Name)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", uploaded, bytes.NewReader(f.Data))
	}
}
