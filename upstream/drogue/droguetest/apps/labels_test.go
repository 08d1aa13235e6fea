package apps

import "testing"

func TestLabels(t *testing.T) {
	labels := map[string]string{"a": "1", "b": "x"}
	for selector, want := range map[string]bool{
		"": true, "a": true, "!c": true, "!a": false, "c": false, "a=1": true, "a=2": false, "c!=1": true, "a!=1": false,
		"a in (1, 2)": true, "a notin (1,2)": false, "c notin (1)": true, "a in (2)": false,
		"a=1,b=x": true, "a=1,b in (y,z)": false, "a in (1,2),b=x,!c": true,
	} {
		if got := matches(selector, labels); got != want {
			t.Errorf("%q: %v", selector, got)
		}
	}
}
