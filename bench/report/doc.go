// Package report is what a benchmark has measured: as text, as JSON, and as one
// HTML file with tables and plots, which needs nothing else to be shown, sent by
// mail or archived.
//
// It is the last step of "gateway bench":
//
//	benchmark ──► Report ──► Text
//	                    ├──► JSON
//	                    └──► Page{Section{Table, Lines, Bars}} ──► HTML with inline SVG
//
// Invariants:
//   - A page refers to nothing outside itself: no script, no font, no image.
//   - Text from outside is escaped.
//   - A chart without data is drawn empty; values that are not finite, and
//     those that a logarithmic axis cannot show, are left out.
//   - A figure that is not known is null, and a dash in text.
//
// Coordinates are those of the SVG view box, 640 by 320; values have the unit
// that the caller writes on the axis.
//
// Specifications: SVG 1.1, HTML5.
package report
