// Package config is the configuration file of the gateway: its keys, their
// defaults, and a report of everything that is wrong with it.
//
// It stands in front of all others: [Load] runs once at start and again on
// reload, and hands each package the Config struct that the package defines.
// It reads files and the environment, nothing else.
//
//	FILE ─► parse YAML ─► decode into Default() ─► Validate ─► Config
//	             │                │                   │
//	             └────────────────┴───────────────────┴─► Problems, in the order of the file
//
// Invariants:
//   - Nothing is accepted and ignored: an unknown key is an error, and so is a
//     key whose feature this build does not have.
//   - Every mistake is reported at once, as FILE:LINE:COLUMN with its line;
//     only a mistake in the YAML itself hides those after it.
//   - A value is its text. Quotes, and types that YAML would guess, change
//     nothing: the key's type in Go decides, so that device: 007 stays 007.
//   - ${NAME} is expanded after parsing, in values alone: an environment
//     variable cannot add keys.
//   - Parse of what [Config.Print] writes gives the same Config, but for
//     secrets, which are not printed.
//   - Anchors, aliases, merge keys and tags are refused.
//
// Sizes are bytes, written with KiB, MiB or GiB; durations are in Go's
// notation with d for days. A file holds one document of at most [MaxBytes],
// in UTF-8.
//
// # Adding a section
//
//  1. The package that does the work defines Config, with a yaml tag and a
//     comment on each field.
//  2. [Config], or the section above, gets one field of that type. From there
//     the key is read, checked for mistakes of type, and printed.
//  3. Default gets its defaults, unless all are zero. A default that the package
//     itself needs stands in the package, in a method WithDefaults.
//  4. The section's method Validate says what types cannot tell: bounds,
//     choices, keys that go together. It returns all mistakes as values of package
//     fault, those of the sections below it too. Two things need no word: keys
//     named ca, certificate, key or *_file name files that must exist; keys named
//     password, token, secret or psk, alone or as the last word, are secret.
//  5. configs/gateway.yaml gets the keys and their comments; a test fails
//     until it has them all.
//
// A field can be a string, a bool, a number, a time.Duration, an
// encoding.TextUnmarshaler that is also a TextMarshaler, a struct, a pointer
// to one (nil where the file has none), a slice or a map of these. A struct
// tagged ",inline" gives its keys to its parent. Fields tagged "-" are set by
// the code that starts the package.
//
// Specifications: YAML 1.2.2, without sections 3.2.2.2 (anchors), 6.8.1 (but
// the directive YAML is read) and 6.9.1 (tags).
package config
