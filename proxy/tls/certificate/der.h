// A reader of DER (X.690): what the proxy looks up by itself in certificates, names, keys and OCSP
// responses. Certificates are parsed by the library too; this only finds pieces in them.
//
// A cursor never passes its end. What is malformed sets `bad`, for good, and everything read from
// then on is empty: so a caller may read on and look at `bad` once, at the end. Only definite,
// minimal lengths and tags of one byte are taken. The slices point into the input. No allocation.
#ifndef RAVELIN_TLS_CERTIFICATE_DER_H
#define RAVELIN_TLS_CERTIFICATE_DER_H

#include "base/slice.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             // plus the number
    DER_CONTEXT_CONSTRUCTED = 0xa0, // plus the number
};

struct der {
    struct slice rest;
    bool bad;
};

static inline struct der der_begin(struct slice bytes) {
    return (struct der){bytes, false};
}

// The tag of the next element; 0 at the end.
uint8_t der_peek(const struct der *der);
// Takes the next element, whatever it is: its content, and in *whole (may be NULL) all of it.
struct slice der_take_any(struct der *der, struct slice *whole);
// Takes the next element, which must have this tag. Returns its content.
struct slice der_take(struct der *der, uint8_t tag);
// The same, and reads on inside of it. What is bad there does not mark the outer cursor.
struct der der_enter(struct der *der, uint8_t tag);
// Passes the next element if it has this tag.
void der_skip(struct der *der, uint8_t tag);
// Takes a UTCTime or a GeneralizedTime in the one form RFC 5280 4.1.2.5 allows: in seconds of UTC,
// ending in Z. Returns seconds since 1970.
int64_t der_take_time(struct der *der);
// The unsigned number in the content of an INTEGER, without the leading zero byte.
struct slice der_unsigned(struct slice integer);

#endif
