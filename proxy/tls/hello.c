#include "tls/hello.h"

#include "tls/record.h"

enum {
    HANDSHAKE_HEADER_SIZE = 4,
    CLIENT_HELLO = 1,
    VERSION_TLS12 = 0x0303,
    VERSION_TLS13 = 0x0304,
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_SUPPORTED_VERSIONS = 43,
};

// A cursor that never passes its end: `bad` is set instead and everything read from then on is
// empty.
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static uint32_t read_number(struct reader *reader, size_t bytes) {
    if (reader->bad || reader->left < bytes) {
        reader->bad = true;
        return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | reader->at[i];
    }
    reader->at += bytes;
    reader->left -= bytes;
    return value;
}

static struct reader read_bytes(struct reader *reader, size_t bytes) {
    if (reader->bad || reader->left < bytes) {
        reader->bad = true;
        return (struct reader){NULL, 0, true};
    }
    struct reader part = {reader->at, bytes, false};
    reader->at += bytes;
    reader->left -= bytes;
    return part;
}

// A vector with a length of `length_bytes` bytes before it.
static struct reader read_vector(struct reader *reader, size_t length_bytes) {
    return read_bytes(reader, read_number(reader, length_bytes));
}

static struct slice to_slice(const struct reader *reader) {
    return (struct slice){(const char *)reader->at, reader->left};
}

enum result hello_find(const uint8_t *data, size_t size, struct slice *message, uint8_t *alert) {
    *message = (struct slice){NULL, 0};
    if (size == 0) {
        return RESULT_AGAIN;
    }
    if (data[0] != RECORD_HANDSHAKE) {
        *alert = ALERT_UNEXPECTED_MESSAGE;
        return RESULT_ERROR;
    }
    if (size > 1 && data[1] != 3) {
        *alert = ALERT_PROTOCOL_VERSION;
        return RESULT_ERROR;
    }
    if (size < RECORD_HEADER_SIZE) {
        return RESULT_AGAIN;
    }
    size_t length = (size_t)data[3] << 8 | data[4];
    if (length > RECORD_PAYLOAD_MAX) { // not encrypted yet: no room for a tag
        *alert = ALERT_RECORD_OVERFLOW;
        return RESULT_ERROR;
    }
    if (length == 0) { // RFC 8446 5.1: no empty handshake fragments
        *alert = ALERT_DECODE_ERROR;
        return RESULT_ERROR;
    }
    if (size < RECORD_HEADER_SIZE + length) {
        return RESULT_AGAIN;
    }
    struct reader record = {data + RECORD_HEADER_SIZE, length, false};
    if (record.at[0] != CLIENT_HELLO) {
        *alert = ALERT_UNEXPECTED_MESSAGE;
        return RESULT_ERROR;
    }
    (void)read_number(&record, 1);
    uint32_t message_size = read_number(&record, 3);
    if (!record.bad && message_size > HELLO_SIZE_MAX) {
        *alert = ALERT_DECODE_ERROR;
        return RESULT_ERROR;
    }
    if (!record.bad && message_size <= record.left) {
        *message = (struct slice){(const char *)record.at, message_size};
    }
    return RESULT_OK;
}

// The first host_name of the list, when it is one that could be a host's: letters, digits, '-',
// '_', '.'.
static void parse_server_name(struct reader extension, struct client_hello *hello) {
    struct reader list = read_vector(&extension, 2);
    while (!list.bad && list.left > 0) {
        uint32_t kind = read_number(&list, 1);
        struct reader name = read_vector(&list, 2);
        if (list.bad || kind != 0 || hello->has_server_name) {
            continue;
        }
        hello->has_server_name = true;
        if (name.left == 0 || name.left > HELLO_NAME_MAX) {
            continue;
        }
        bool plausible = true;
        for (size_t i = 0; i < name.left; i++) {
            uint8_t c = name.at[i] | 0x20;
            plausible &= (c >= 'a' && c <= 'z') || (name.at[i] >= '0' && name.at[i] <= '9') ||
                         name.at[i] == '-' || name.at[i] == '.' || name.at[i] == '_';
        }
        if (plausible) {
            hello->server_name = to_slice(&name);
        }
    }
}

static void parse_signatures(struct reader extension, struct client_hello *hello) {
    struct reader list = read_vector(&extension, 2);
    while (!list.bad && list.left >= 2) {
        switch (read_number(&list, 2)) {
        case 0x0403:
            hello->signatures |= HELLO_SIGNATURE_ECDSA_P256;
            break;
        case 0x0503:
            hello->signatures |= HELLO_SIGNATURE_ECDSA_P384;
            break;
        case 0x0807:
            hello->signatures |= HELLO_SIGNATURE_ED25519;
            break;
        case 0x0804:
        case 0x0805:
        case 0x0806:
            hello->signatures |= HELLO_SIGNATURE_RSA_PSS;
            break;
        default:
            break;
        }
    }
}

static void parse_versions(struct reader extension, struct client_hello *hello) {
    struct reader list = read_vector(&extension, 1);
    hello->versions = to_slice(&list);
    hello->offers_tls13 = false;
    while (!list.bad && list.left >= 2) {
        if (read_number(&list, 2) == VERSION_TLS13) {
            hello->offers_tls13 = true;
        }
    }
}

static void parse_extension(uint32_t type, struct reader extension, struct client_hello *hello) {
    switch (type) {
    case EXTENSION_SERVER_NAME:
        parse_server_name(extension, hello);
        break;
    case EXTENSION_SUPPORTED_GROUPS: {
        struct reader list = read_vector(&extension, 2);
        hello->groups = to_slice(&list);
        break;
    }
    case EXTENSION_SIGNATURE_ALGORITHMS:
        parse_signatures(extension, hello);
        break;
    case EXTENSION_SUPPORTED_VERSIONS:
        parse_versions(extension, hello);
        break;
    default:
        break;
    }
}

enum result hello_parse(struct slice message, struct client_hello *hello, uint8_t *alert) {
    *hello = (struct client_hello){0};
    struct reader reader = {(const uint8_t *)message.data, message.size, false};
    hello->legacy_version = (uint16_t)read_number(&reader, 2);
    (void)read_bytes(&reader, 32); // random
    (void)read_vector(&reader, 1); // legacy_session_id
    struct reader suites = read_vector(&reader, 2);
    (void)read_vector(&reader, 1); // legacy_compression_methods
    hello->cipher_suites = to_slice(&suites);
    if (!reader.bad && reader.left > 0) {
        struct reader extensions = read_vector(&reader, 2);
        while (!extensions.bad && extensions.left > 0) {
            uint32_t type = read_number(&extensions, 2);
            struct reader extension = read_vector(&extensions, 2);
            if (!extensions.bad) {
                parse_extension(type, extension, hello);
            }
        }
        reader.bad |= extensions.bad || reader.left > 0;
    }
    if (reader.bad) {
        *alert = ALERT_DECODE_ERROR;
        return RESULT_ERROR;
    }
    if (!hello->offers_tls13) {
        *alert = ALERT_PROTOCOL_VERSION;
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

bool hello_looks_like_http(const uint8_t *data, size_t size) {
    static const char *const methods[] = {"GET ",     "HEAD ",  "POST ",    "PUT ",  "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct slice method = slice_from(methods[i]);
        if (size >= method.size && memcmp(data, method.data, method.size) == 0) {
            return true;
        }
    }
    return false;
}
