// Package identity is who a message is from: what a sender claims, and the device
// that this makes it.
//
// It stands between a front and the engine. A front gives a [Claim] what a message
// says of its sender, and asks it for the [Device]:
//
//	query, Authorization, user name ──► Claim ──► Device ──► update.Engine
//
// A claim comes in the shapes of Drogue Cloud's endpoints. A front has an
// application that stands for one which is not named, or none:
//
//	application  device  user    device @ application
//	A            D       any, -  D @ A
//	A            -       U       U @ A, even with an "@" in U
//	-            D       U@B     D @ B
//	-            D       U, -    D @ the application of the front
//	-            -       U@B     U percent-decoded @ B
//	-            -       U       U @ the application of the front
//
// Application and device are arguments of a query. The user is that of an HTTP
// Authorization header of the scheme Basic, which CoAP has in option 4209, or the
// user name of MQTT. U@B is split at the first "@". Whatever the shape, the
// argument as=D names the device that the sender speaks for. A password is not
// looked at.
//
// Invariants:
//   - One rule says which names there can be, whatever the front: see [ValidName].
//   - A Device has names that are valid.
//   - A Claim costs no allocation and can live on the stack.
//
// Sizes are bytes. A name has at most 255.
//
// Specifications: Drogue Cloud's endpoints (the shapes), RFC 7617 (Basic), RFC 3986
// section 2.1 (percent-encoding), the URL standard of WHATWG section 5 (forms).
package identity
