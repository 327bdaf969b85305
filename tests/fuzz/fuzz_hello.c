// A ClientHello as a stranger sends it: nothing is read past its bytes, what is found lies inside, and
// the answer does not depend on how the bytes arrive.
#include "tls/hello.h"
#include "tls/record.h"

#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *copy_of(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    CHECK(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

static void check_inside(struct slice whole, struct slice part) {
    CHECK(part.size == 0 ||
          (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_parse(struct slice message) {
    uint8_t *copy = copy_of((const uint8_t *)message.data, message.size);
    struct slice block = {(const char *)copy, message.size};
    struct client_hello hello;
    uint8_t alert = 0;
    if (hello_parse(block, &hello, &alert) == RESULT_OK) {
        CHECK(hello.offers_tls13 && hello.versions.size >= 2);
    } else {
        CHECK(alert == ALERT_DECODE_ERROR ||
              (alert == ALERT_PROTOCOL_VERSION && !hello.offers_tls13));
    }
    check_inside(block, hello.server_name);
    check_inside(block, hello.groups);
    check_inside(block, hello.versions);
    check_inside(block, hello.cipher_suites);
    CHECK(hello.server_name.size <= HELLO_NAME_MAX);
    CHECK(hello.server_name.size == 0 || hello.has_server_name);
    for (size_t i = 0; i < hello.server_name.size; i++) {
        uint8_t c = (uint8_t)hello.server_name.data[i];
        CHECK(c > ' ' && c < 0x7f && strchr("\"/\\:*%[]", c) == NULL);
    }
    CHECK((hello.signatures & ~(uint32_t)0xf) == 0);
    free(copy);
}

static enum result find(const uint8_t *data, size_t size, uint8_t *alert, size_t *message_size) {
    uint8_t *copy = copy_of(data, size);
    struct slice message;
    enum result result = hello_find(copy, size, &message, alert);
    CHECK(result == RESULT_OK || message.size == 0);
    check_inside((struct slice){(const char *)copy, size}, message);
    CHECK(message.size == 0 || message.data == (const char *)copy + RECORD_HEADER_SIZE + 4);
    (void)hello_looks_like_http(copy, size);
    *message_size = message.size;
    free(copy);
    return result;
}

// The first answer that is not "again" is final, whatever more comes.
static void check_arrival(const uint8_t *data, size_t size, enum result whole, uint8_t whole_alert,
                          size_t whole_size) {
    size_t most = size < 64 ? size : 64; // bytes one by one while it matters, then in one piece
    for (size_t i = 0; i < most; i++) {
        uint8_t alert = 0;
        size_t message_size;
        enum result result = find(data, i, &alert, &message_size);
        if (result != RESULT_AGAIN) {
            CHECK(result == whole && message_size == whole_size);
            CHECK(result != RESULT_ERROR || alert == whole_alert);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t alert = 0;
    size_t message_size;
    enum result result = find(data, size, &alert, &message_size);
    CHECK(result != RESULT_ERROR || alert != 0);
    check_arrival(data, size, result, alert, message_size);
    if (message_size > 0) {
        check_parse((struct slice){(const char *)data + RECORD_HEADER_SIZE + 4, message_size});
    }
    check_parse((struct slice){(const char *)data, size}); // also without the record around it
    return 0;
}
