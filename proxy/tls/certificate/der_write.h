// A writer of DER (X.690) on a builder (base/builder.h), for keys, requests and certificates that
// Ravelin makes. If an element does not fit, the builder's `overflow` is set.
#ifndef RAVELIN_TLS_CERTIFICATE_DER_WRITE_H
#define RAVELIN_TLS_CERTIFICATE_DER_WRITE_H

#include "base/builder.h"
#include "tls/certificate/der.h"

// Begins an element that contains others. Returns the argument for der_end().
size_t der_start(struct builder *builder, uint8_t tag);
// Ends an element: writes its length, at most 65,535. Elements end in the reverse order of their
// starts.
void der_end(struct builder *builder, size_t start);

void der_put(struct builder *builder, uint8_t tag, const void *content, size_t size);
// A BIT STRING of whole bytes.
void der_put_bits(struct builder *builder, const uint8_t *bytes, size_t size);

// DER_PUT_OID(builder, byte...): the bytes of the content.
#define DER_PUT_OID(builder, ...)                                                                  \
    do {                                                                                           \
        static const uint8_t oid[] = {__VA_ARGS__};                                                \
        der_put(builder, DER_OID, oid, sizeof(oid));                                               \
    } while (0)

#endif
