// The cipher suites of TLS 1.2 and older that the doctor knows: their names, and what is wrong with
// them.
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
    // What a suite is, not what is wrong with it.
    SUITE_ECDHE = 128,
    SUITE_DHE = 256,
    SUITE_ANY = 511,
    SUITE_GOOD = 512, // with ECDHE or DHE and AEAD: nothing is wrong
};

#define SUITES_MAX 128

// Those with one of the bits; SUITE_ANY | SUITE_GOOD: all. Returns how many.
size_t suites_with(unsigned bits, uint16_t list[SUITES_MAX]);
// Its IANA name, of TLS 1.3 suites too; "unknown suite" when it is none of ours.
const char *suite_name(uint16_t suite);

#endif
