package load

// queue holds each peer at most once, first in, first out.
type queue struct {
	ids      []int32
	first, n int
}

func newQueue(size int) queue { return queue{ids: make([]int32, size)} }

func (q *queue) push(id int32) {
	q.ids[(q.first+q.n)%len(q.ids)] = id
	q.n++
}

func (q *queue) pop() int32 {
	id := q.ids[q.first]
	q.first = (q.first + 1) % len(q.ids)
	q.n--
	return id
}
