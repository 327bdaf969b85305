// ClientHellos put together byte by byte (RFC 8446 4.1.2), right or wrong, and cut into records.
#ifndef RAVELIN_TESTS_HELLO_BYTES_H
#define RAVELIN_TESTS_HELLO_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
    uint8_t data[140000];
    size_t size;
};

static inline void put(struct bytes *bytes, uint64_t value, size_t width) {
    assert_true(bytes->size + width <= sizeof(bytes->data));
    for (size_t i = 0; i < width; i++) {
        bytes->data[bytes->size++] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

static inline void put_bytes(struct bytes *bytes, const void *data, size_t size) {
    assert_true(bytes->size + size <= sizeof(bytes->data));
    if (size > 0) {
        memcpy(bytes->data + bytes->size, data, size);
    }
    bytes->size += size;
}

// A vector: its length is written when it is closed.
static inline size_t open_vector(struct bytes *bytes, size_t width) {
    put(bytes, 0, width);
    return bytes->size;
}

static inline void close_vector(struct bytes *bytes, size_t begin, size_t width) {
    size_t end = bytes->size;
    bytes->size = begin - width;
    put(bytes, end - begin, width);
    bytes->size = end;
}

// `numbers` ends with 0.
static inline void put_list(struct bytes *bytes, const uint16_t *numbers, size_t width) {
    size_t list = open_vector(bytes, width);
    for (; *numbers != 0; numbers++) {
        put(bytes, *numbers, 2);
    }
    close_vector(bytes, list, width);
}

static inline void put_extension(struct bytes *bytes, uint16_t type, const void *data,
                                 size_t size) {
    put(bytes, type, 2);
    put(bytes, size, 2);
    put_bytes(bytes, data, size);
}

// The lists end with 0; NULL: the extension is left out.
struct hello_parts {
    const char *name;
    const uint16_t *suites;
    const uint16_t *versions;
    const uint16_t *groups;
    const uint16_t *signatures;
    size_t padding;    // size of a padding extension, when not 0
    bool x25519;       // with a key share of that group; otherwise the list of shares is empty
    bool no_shares;    // without a list of shares
    const char *extra; // more extensions, as bytes, at the end
    size_t extra_size;
};

static const uint16_t ALL_SUITES[] = {0x1301, 0x1302, 0x1303, 0};
static const uint16_t TLS13[] = {0x0304, 0};
static const uint16_t USUAL_GROUPS[] = {0x001d, 0x0017, 0x0018, 0};
static const uint16_t USUAL_SIGNATURES[] = {0x0403, 0x0804, 0x0805, 0x0806, 0x0503, 0x0807, 0};

static inline struct hello_parts usual_parts(void) {
    return (struct hello_parts){.name = "a.test",
                                .suites = ALL_SUITES,
                                .versions = TLS13,
                                .groups = USUAL_GROUPS,
                                .signatures = USUAL_SIGNATURES};
}

static inline void put_server_name(struct bytes *bytes, const void *name, size_t size) {
    put(bytes, 0, 2);
    put(bytes, size + 5, 2);
    put(bytes, size + 3, 2);
    put(bytes, 0, 1); // host_name
    put(bytes, size, 2);
    put_bytes(bytes, name, size);
}

static inline void put_list_extension(struct bytes *bytes, uint16_t type, const uint16_t *numbers,
                                      size_t width) {
    if (numbers != NULL) {
        put(bytes, type, 2);
        size_t extension = open_vector(bytes, 2);
        put_list(bytes, numbers, width);
        close_vector(bytes, extension, 2);
    }
}

static inline void put_padding(struct bytes *bytes, size_t size) {
    put(bytes, 21, 2);
    put(bytes, size, 2);
    assert_true(bytes->size + size <= sizeof(bytes->data));
    memset(bytes->data + bytes->size, 0, size);
    bytes->size += size;
}

// Any 32 bytes are a public key, but the top bit is left clear.
static inline void put_x25519_share(struct bytes *bytes) {
    uint8_t share[2 + 2 + 2 + 32] = {0, 36, 0, 0x1d, 0, 32};
    memset(share + 6, 9, 32);
    put_extension(bytes, 51, share, sizeof(share));
}

// What stands before the extensions.
static inline void put_hello_start(struct bytes *bytes, const uint16_t *cipher_suites) {
    static const uint8_t random[32] = "thirty-two bytes of randomness.";
    put(bytes, 0x0303, 2);
    put_bytes(bytes, random, sizeof(random));
    put(bytes, 0, 1); // legacy_session_id
    put_list(bytes, cipher_suites, 2);
    put(bytes, 0x0100, 2); // one compression method: null
}

static inline void put_hello(struct bytes *bytes, const struct hello_parts *parts) {
    put_hello_start(bytes, parts->suites);
    size_t extensions = open_vector(bytes, 2);
    if (parts->name != NULL) {
        put_server_name(bytes, parts->name, strlen(parts->name));
    }
    put_list_extension(bytes, 43, parts->versions, 1);
    put_list_extension(bytes, 10, parts->groups, 2);
    put_list_extension(bytes, 13, parts->signatures, 2);
    if (parts->padding > 0) {
        put_padding(bytes, parts->padding);
    }
    if (parts->x25519) {
        put_x25519_share(bytes);
    } else if (!parts->no_shares) {
        put_extension(bytes, 51, "\0\0", 2);
    }
    put_bytes(bytes, parts->extra, parts->extra_size);
    close_vector(bytes, extensions, 2);
}

// The message with its header, in records of at most `fragment` bytes of content.
static inline void put_records(struct bytes *bytes, const struct bytes *message, size_t fragment) {
    static struct bytes whole;
    whole.size = 0;
    put(&whole, 1, 1); // client_hello
    put(&whole, message->size, 3);
    put_bytes(&whole, message->data, message->size);
    for (size_t at = 0; at < whole.size; at += fragment) {
        size_t size = whole.size - at < fragment ? whole.size - at : fragment;
        put(bytes, 22, 1);
        put(bytes, 0x0301, 2);
        put(bytes, size, 2);
        put_bytes(bytes, whole.data + at, size);
    }
}

static inline void make_hello(struct bytes *bytes, const struct hello_parts *parts,
                              size_t fragment) {
    static struct bytes message;
    message.size = bytes->size = 0;
    put_hello(&message, parts);
    put_records(bytes, &message, fragment);
}

#endif
