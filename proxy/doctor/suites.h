// The cipher suites of TLS 1.2 and older that the doctor knows: their names and flaws.
#ifndef RAVELIN_DOCTOR_SUITES_H
#define RAVELIN_DOCTOR_SUITES_H

#include "tls/probe/offer.h"

enum suite_fault {
    SUITE_EXPORT = 1,
    SUITE_NULL = 2,
    SUITE_ANONYMOUS = 4,
    SUITE_RC4 = 8,
    SUITE_DES = 16, // DES and triple DES
    SUITE_CBC = 32,
    SUITE_STATIC = 64, // key transport with RSA, or a fixed (EC)DH key: no forward secrecy
    // Properties that are not flaws:
    SUITE_ECDHE = 128,
    SUITE_DHE = 256,
    SUITE_ANY = 511,
    SUITE_GOOD = 512, // ECDHE or DHE, and AEAD: no flaw
};

#define SUITES_MAX 128

// Lists the suites with one of the bits; SUITE_ANY | SUITE_GOOD: all. Returns their number.
size_t suites_with(unsigned bits, uint16_t list[SUITES_MAX]);
// IANA name of a suite, also of TLS 1.3; "unknown suite" if it is not in the table.
const char *suite_name(uint16_t suite);

#endif
