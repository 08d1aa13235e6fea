package ddi

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// iso matches the durations of ISO 8601 without years and months, whose length
// depends on the calendar. The number of digits keeps their sum in 64 bits.
var iso = regexp.MustCompile(
	`^P(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:[.,]\d+)?S)?)?$`)

// clock matches HH:mm:ss, mm:ss and ss.
var clock = regexp.MustCompile(`^(?:(?:(\d{1,5}):)?(\d{1,7}):)?(\d{1,9})$`)

// Sleep returns how long the server wants not to be polled.
func (p Poll) Sleep() (time.Duration, error) { return parseSleep(string(p.Config.Polling.Sleep)) }

// parseSleep reads HH:mm:ss, which hawkBit writes below a day, and the ISO 8601
// durations that it writes from there on.
func parseSleep(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if m := clock.FindStringSubmatch(text); m != nil {
		return sum(m[1:], time.Hour, time.Minute, time.Second), nil
	}
	m := iso.FindStringSubmatch(strings.ToUpper(text))
	if m == nil || strings.Join(m[1:], "") == "" {
		return 0, fmt.Errorf("polling.sleep %.40q: want HH:mm:ss or an ISO 8601 duration", text)
	}
	return sum(m[1:], 7*24*time.Hour, 24*time.Hour, time.Hour, time.Minute, time.Second), nil
}

// sum adds up groups of digits, each with its unit. Empty groups count nothing.
func sum(groups []string, units ...time.Duration) (d time.Duration) {
	for i, digits := range groups {
		n, _ := strconv.Atoi(digits)
		d += time.Duration(n) * units[i]
	}
	return d
}
