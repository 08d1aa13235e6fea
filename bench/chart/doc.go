// Package chart draws the reports of the benchmarks: one HTML file with tables
// and plots, which needs nothing else to be shown, sent by mail or archived.
//
// It is the last step of "gateway bench ... --html FILE":
//
//	report ──► Page{Section{Table, Lines, Bars}} ──► HTML with inline SVG
//
// Invariants:
//   - A page refers to nothing outside itself: no script, no font, no image.
//   - Text from outside is escaped.
//   - A chart without data is drawn empty; values that are not finite, and
//     those that a logarithmic axis cannot show, are left out.
//
// Coordinates are those of the SVG view box, 640 by 320; values have the unit
// that the caller writes on the axis.
//
// Specifications: SVG 1.1, HTML5.
package chart
