#include "tls/certificate/der_write.h"

#include <string.h>

// A length of two bytes everywhere would not be minimal, so an element is moved when its size is
// known.
size_t der_start(struct builder *builder, uint8_t tag) {
    builder_put(builder, tag, 1);
    return builder->size;
}

void der_end(struct builder *builder, size_t start) {
    size_t size = builder->size - start;
    size_t length = size < 0x80 ? 1 : size < 0x100 ? 2 : 3;
    if (!builder_has_room(builder, length)) {
        return;
    }
    memmove(builder->data + start + length, builder->data + start, size);
    builder->size = start;
    if (length > 1) {
        builder_put(builder, 0x80 + length - 1, 1);
    }
    builder_put(builder, size, length == 3 ? 2 : 1);
    builder->size += size;
}

void der_put(struct builder *builder, uint8_t tag, const void *content, size_t size) {
    size_t start = der_start(builder, tag);
    builder_put_bytes(builder, content, size);
    der_end(builder, start);
}

void der_put_bits(struct builder *builder, const uint8_t *bytes, size_t size) {
    size_t start = der_start(builder, DER_BIT_STRING);
    builder_put(builder, 0, 1); // no unused bits
    builder_put_bytes(builder, bytes, size);
    der_end(builder, start);
}
