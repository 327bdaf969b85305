// A reader of DER (X.690), for certificates, names, keys, revocation lists and OCSP responses.
//
// The cursor never passes its end. A malformed element sets `bad`, and that read and all later ones
// return empty slices. So a caller may check `bad` once, at the end. Only tags of one byte and
// lengths that are definite and minimal are accepted. The slices point into the input. No I/O, no
// allocation.
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
// Reads the next element, of any tag. Returns its content; *whole (may be NULL): the whole element.
struct slice der_take_any(struct der *der, struct slice *whole);
// Reads the next element, which must have this tag. Returns its content.
struct slice der_take(struct der *der, uint8_t tag);
// The same; returns a cursor over the content. A fault in the content does not set `bad` of the
// outer cursor.
struct der der_enter(struct der *der, uint8_t tag);
// Skips the next element if it has this tag.
void der_skip(struct der *der, uint8_t tag);
// Reads a UTCTime or GeneralizedTime in the form that RFC 5280 4.1.2.5 allows: UTC with seconds and
// a Z at the end. Returns seconds since 1970.
int64_t der_take_time(struct der *der);
// The bytes of an unsigned number: the content of an INTEGER without its leading zero byte.
struct slice der_unsigned(struct slice integer);

#endif
