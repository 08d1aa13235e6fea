// Package file is the [firmware.Source] over a directory, and over single files
// named on the command line.
//
// It serves sites without a registry: NAME.bin in the directory is the
// firmware, NAME.json beside it says {version, checksum, size}. Only the update
// engine asks it; no device waits for it.
//
// Invariants:
//   - Nothing outside the directory is read, whatever names and links say
//     ([os.Root]). Names are base names.
//   - The image that Resolve returns was read and hashed. It is hashed again only
//     when modification time, size or identity of a file has changed.
//   - A pair that does not match, such as a pair of which half is copied, is an
//     error: whoever asked keeps the firmware it had. Copy the .json last.
//
// Sizes are bytes; an image has at most 2^32-1, the JSON 64 KiB.
//
// Specifications: the file store of Drogue Ajour (NAME.json and NAME.bin);
// Intel Hexadecimal Object File Format Specification A, System V ABI (ELF) and
// the USB Flashing Format (UF2) for the formats that [LooksLike] tells apart.
package file
