#include "tls/probe/server_hello.h"

#include "base/reader.h"

enum {
    SESSION_ID_MAX = 32,
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_COOKIE = 44,
    EXTENSION_KEY_SHARE = 51,
    EXTENSION_RENEGOTIATION_INFO = 0xff01,
};

// SHA-256 of "HelloRetryRequest", RFC 8446 4.1.3.
static const uint8_t RETRY_RANDOM[SERVER_HELLO_RANDOM_SIZE] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

static void parse_share(struct reader *content, struct server_hello *hello) {
    hello->group = (uint16_t)read_number(content, 2);
    hello->has_share = true;
    if (!hello->is_retry) {
        hello->share = read_vector(content, 2);
    }
}

// Reads the known extensions and skips the others.
static bool parse_extension(uint32_t type, struct slice bytes, struct server_hello *hello) {
    struct reader content = reader_of(bytes);
    switch (type) {
    case EXTENSION_SUPPORTED_VERSIONS:
        hello->version = (uint16_t)read_number(&content, 2);
        return reader_done(&content);
    case EXTENSION_KEY_SHARE:
        parse_share(&content, hello);
        return reader_done(&content);
    case EXTENSION_PRE_SHARED_KEY:
        hello->has_psk = true;
        hello->psk_index = (uint16_t)read_number(&content, 2);
        return reader_done(&content);
    case EXTENSION_COOKIE:
        hello->cookie = read_vector(&content, 2);
        return reader_done(&content);
    case EXTENSION_EARLY_DATA:
        hello->has_early_data = true;
        return true;
    case EXTENSION_RENEGOTIATION_INFO:
        hello->has_renegotiation_info = true;
        return true;
    default:
        return true;
    }
}

enum result server_hello_parse(struct slice message, struct server_hello *hello) {
    *hello = (struct server_hello){0};
    struct reader reader = reader_of(message);
    hello->version = (uint16_t)read_number(&reader, 2);
    struct slice random = read_bytes(&reader, SERVER_HELLO_RANDOM_SIZE);
    hello->session_id = read_vector(&reader, 1);
    hello->suite = (uint16_t)read_number(&reader, 2);
    hello->compression = (uint8_t)read_number(&reader, 1);
    if (reader.bad || hello->session_id.size > SESSION_ID_MAX) {
        return RESULT_ERROR;
    }
    memcpy(hello->random, random.data, SERVER_HELLO_RANDOM_SIZE);
    hello->is_retry = memcmp(hello->random, RETRY_RANDOM, SERVER_HELLO_RANDOM_SIZE) == 0;
    if (reader.left > 0) { // there need be none before TLS 1.3
        struct reader extensions = reader_of(read_vector(&reader, 2));
        while (reader_more(&extensions)) {
            uint32_t type = read_number(&extensions, 2);
            struct slice content = read_vector(&extensions, 2);
            if (extensions.bad || !parse_extension(type, content, hello)) {
                return RESULT_ERROR;
            }
        }
    }
    return reader_done(&reader) ? RESULT_OK : RESULT_ERROR;
}

uint16_t server_hello_downgrade_mark(const struct server_hello *hello) {
    static const uint8_t mark[7] = {'D', 'O', 'W', 'N', 'G', 'R', 'D'};
    const uint8_t *end = hello->random + SERVER_HELLO_RANDOM_SIZE - 8;
    if (memcmp(end, mark, sizeof(mark)) != 0 || end[7] > 1) {
        return 0;
    }
    return end[7] == 1 ? 0x0303 : 0x0302;
}
