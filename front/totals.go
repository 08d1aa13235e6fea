package front

// Totals is what the fronts of one protocol have counted together.
type Totals struct {
	Requests   map[Request]uint64
	Rejected   map[Reason]uint64
	Chunks     uint64
	ChunkBytes uint64
	Commands   uint64
	Answers    Histogram
}

// Sum returns what fronts have counted so far, by protocol.
func Sum(fronts []Front) map[string]*Totals {
	all := map[string]*Totals{}
	for _, f := range fronts {
		t := all[f.Name()]
		if t == nil {
			t = &Totals{Requests: map[Request]uint64{}, Rejected: map[Reason]uint64{}}
			all[f.Name()] = t
		}
		t.add(f.Counts())
	}
	return all
}

func (t *Totals) add(c *Counts) {
	c.Requests.Each(func(r Request, n uint64) { t.Requests[r] += n })
	c.Complaints.Each(func(why Reason, n uint64) { t.Rejected[why] += n })
	t.Chunks += c.Chunks.Load()
	t.ChunkBytes += c.ChunkBytes.Load()
	t.Commands += c.Commands.Load()
	t.Answers.Add(&c.Answers)
}
