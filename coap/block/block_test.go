package block

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   []byte
		want Value
		err  error
	}{
		{nil, Value{}, nil},
		{[]byte{0x06}, Value{SZX: 6}, nil},
		{[]byte{0x0e}, Value{M: true, SZX: 6}, nil},
		{[]byte{0x00, 0x00, 0x06}, Value{SZX: 6}, nil},
		{[]byte{0x01, 0x02}, Value{NUM: 16, SZX: 2}, nil},
		{[]byte{0xff, 0xff, 0xfe}, Value{NUM: MaxNUM, M: true, SZX: 6}, nil},
		{[]byte{0x07}, Value{}, ErrReserved},
		{[]byte{0xff, 0xff, 0xff}, Value{}, ErrReserved},
		{[]byte{0, 0, 0, 6}, Value{}, ErrLength},
		{make([]byte, 300), Value{}, ErrLength},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if !errors.Is(err, tt.err) {
			t.Errorf("Parse(%x): error %v, want %v", tt.in, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Parse(%x) (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestAppend(t *testing.T) {
	tests := []struct {
		v    Value
		want []byte
	}{
		{Value{}, nil},
		{Value{SZX: 6}, []byte{0x06}},
		{Value{NUM: 15, M: true, SZX: 6}, []byte{0xfe}},
		{Value{NUM: 16}, []byte{0x01, 0x00}},
		{Value{NUM: 4095, SZX: 1}, []byte{0xff, 0xf1}},
		{Value{NUM: 4096, SZX: 1}, []byte{0x01, 0x00, 0x01}},
		{Value{NUM: MaxNUM, M: true, SZX: 6}, []byte{0xff, 0xff, 0xfe}},
	}
	for _, tt := range tests {
		if got := tt.v.Append(nil); !bytes.Equal(got, tt.want) {
			t.Errorf("%+v: %x, want %x", tt.v, got, tt.want)
		}
	}
}

func TestForSize(t *testing.T) {
	for n, want := range map[int]SZX{
		-1: 0, 0: 0, 15: 0, 16: 0, 31: 0, 32: 1, 64: 2, 100: 2, 512: 5, 1023: 5, 1024: 6, 1 << 40 >> 10: 6,
	} {
		if got := ForSize(n); got != want {
			t.Errorf("ForSize(%d) = %d, want %d", n, got, want)
		}
	}
	for s := MinSZX; s <= MaxSZX; s++ {
		if got := ForSize(s.Size()); got != s {
			t.Errorf("ForSize(%d) = %d, want %d", s.Size(), got, s)
		}
	}
}

func TestFitting(t *testing.T) {
	tests := []struct {
		size uint32
		want SZX
		ok   bool
	}{
		{0, 0, true}, {1 << 24, 0, true}, {1<<24 + 1, 1, true}, {1 << 25, 1, true},
		{1 << 30, 6, true}, {1<<30 + 1, 6, false}, {1<<32 - 1, 6, false},
	}
	for _, tt := range tests {
		if got, ok := Fitting(tt.size); got != tt.want || ok != tt.ok {
			t.Errorf("Fitting(%d) = %d, %t, want %d, %t", tt.size, got, ok, tt.want, tt.ok)
		}
	}
}

func TestWithinKeepsOffset(t *testing.T) {
	for from := MinSZX; from <= MaxSZX; from++ {
		for limit := MinSZX; limit <= MaxSZX; limit++ {
			v := Value{NUM: 77, SZX: from}
			got := v.Within(limit)
			if got.Offset() != v.Offset() {
				t.Errorf("%+v within %d: offset %d, want %d", v, limit, got.Offset(), v.Offset())
			}
			if want := min(from, limit); got.SZX != want {
				t.Errorf("%+v within %d: SZX %d, want %d", v, limit, got.SZX, want)
			}
		}
	}
	if got := (Value{NUM: MaxNUM, SZX: MaxSZX}).Within(0).Offset(); got != MaxNUM*1024 {
		t.Errorf("last block, lowered: offset %d, want %d", got, MaxNUM*1024)
	}
}

func TestUint(t *testing.T) {
	for _, n := range []uint32{0, 1, 255, 256, 65535, 65536, 1<<24 - 1, 1 << 24, 1<<32 - 1} {
		b := AppendUint(nil, n)
		if len(b) > 0 && b[0] == 0 {
			t.Errorf("%d: %x has a leading zero", n, b)
		}
		if got, ok := ParseUint(b); got != n || !ok {
			t.Errorf("ParseUint(%x) = %d, %t, want %d", b, got, ok, n)
		}
	}
	if _, ok := ParseUint(make([]byte, 5)); ok {
		t.Error("ParseUint accepts 5 bytes")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Value{}.Append(nil))
	f.Add(Value{NUM: 3, M: true, SZX: 6}.Append(nil))
	f.Add(Value{NUM: MaxNUM, SZX: 2}.Append(nil))
	f.Add([]byte{0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b)
		if err != nil {
			return
		}
		short := v.Append(nil)
		if len(short) > len(b) {
			t.Errorf("%x is longer than %x", short, b)
		}
		if again, err := Parse(short); err != nil || again != v {
			t.Errorf("%x: %+v, again %+v, %v", b, v, again, err)
		}
		if v.NUM > MaxNUM || v.Within(MinSZX).Offset() != v.Offset() {
			t.Errorf("%x: %+v is out of range", b, v)
		}
	})
}
