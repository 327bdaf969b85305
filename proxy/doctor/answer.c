#include "doctor/answer.h"

#include "base/reader.h"
#include "doctor/suites.h"
#include "tls/record/record.h"
#include "tls/registry.h"

#include <stdio.h>

enum message_type {
    MESSAGE_SERVER_HELLO = 2,
    MESSAGE_CERTIFICATE = 11,
    MESSAGE_SERVER_KEY_EXCHANGE = 12,
    MESSAGE_SERVER_HELLO_DONE = 14,
    MESSAGE_CERTIFICATE_STATUS = 22,
};

uint16_t http_status_of(struct slice data) {
    const char *at = data.data;
    if (data.size < 12 || memcmp(at, "HTTP/1.", 7) != 0 || at[8] != ' ') {
        return 0;
    }
    uint16_t status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return 0;
        }
        status = (uint16_t)(status * 10 + (at[i] - '0'));
    }
    return status;
}

// --- The messages of TLS 1.2 and older ---

static unsigned bits_of(struct slice number) {
    while (number.size > 0 && number.data[0] == 0) {
        number.data++;
        number.size--;
    }
    unsigned bits = (unsigned)number.size * 8;
    for (unsigned top = 0x80; number.size > 0 && ((uint8_t)number.data[0] & top) == 0; top >>= 1) {
        bits--;
    }
    return bits;
}

// ECDHE: a named curve and a point; DHE: prime, generator, key; then the scheme of the signature.
static void read_key_exchange(struct slice body, struct answer *answer) {
    enum { NAMED_CURVE = 3 };
    uint16_t ecdhe[SUITES_MAX];
    bool is_ecdhe = false;
    size_t count = suites_with(SUITE_ECDHE, ecdhe);
    for (size_t i = 0; i < count; i++) {
        is_ecdhe |= ecdhe[i] == answer->hello.suite;
    }
    struct reader reader = reader_of(body);
    struct key_exchange_facts facts = {.present = true};
    if (is_ecdhe) {
        if (read_number(&reader, 1) != NAMED_CURVE) {
            return;
        }
        facts.group = (uint16_t)read_number(&reader, 2);
        (void)read_vector(&reader, 1);
    } else {
        facts.bits = bits_of(read_vector(&reader, 2));
        (void)read_vector(&reader, 2);
        (void)read_vector(&reader, 2);
    }
    if (answer->hello.version == VERSION_TLS12 && reader.left > 2) {
        facts.scheme = (uint16_t)read_number(&reader, 2);
    }
    if (!reader.bad) {
        answer->exchange = facts;
    }
}

static void read_status(struct slice body, struct answer *answer) {
    enum { STATUS_OCSP = 1 };
    struct reader reader = reader_of(body);
    if (read_number(&reader, 1) == STATUS_OCSP) {
        answer->staple = read_vector(&reader, 3);
    }
}

static void read_certificates(struct slice body, struct answer *answer) {
    struct reader reader = reader_of(body);
    answer->certificates = read_vector(&reader, 3);
}

// Reads the complete messages. True: the flight has ended.
static bool read_messages(const struct flight *flight, struct answer *answer) {
    struct reader reader = reader_of((struct slice){(const char *)flight->data, flight->size});
    while (reader.left >= 4) {
        uint32_t type = read_number(&reader, 1);
        struct slice body = read_vector(&reader, 3);
        if (reader.bad) {
            return false; // not whole yet
        }
        if (answer->kind == ANSWER_NONE) {
            bool good = type == MESSAGE_SERVER_HELLO &&
                        server_hello_parse(body, &answer->hello) == RESULT_OK;
            answer->kind = !good                    ? ANSWER_STRANGE
                           : answer->hello.is_retry ? ANSWER_RETRY
                                                    : ANSWER_HELLO;
            if (!good || answer->hello.version >= VERSION_TLS13) {
                return true;
            }
        } else if (type == MESSAGE_CERTIFICATE) {
            read_certificates(body, answer);
        } else if (type == MESSAGE_SERVER_KEY_EXCHANGE) {
            read_key_exchange(body, answer);
        } else if (type == MESSAGE_CERTIFICATE_STATUS) {
            read_status(body, answer);
        } else if (type == MESSAGE_SERVER_HELLO_DONE) {
            return true;
        }
    }
    return false;
}

// --- Records ---

// Whether an alert is a refusal. For example, a warning about an unknown name is not.
static bool is_refusal(struct slice alert) {
    enum { FATAL = 2 };
    return alert.size == 2 &&
           ((uint8_t)alert.data[0] == FATAL || (uint8_t)alert.data[1] != ALERT_UNRECOGNIZED_NAME);
}

// Processes a record. True: the answer is decided.
static bool read_record(uint32_t type, struct slice body, struct flight *flight,
                        struct answer *answer) {
    if (type == RECORD_ALERT && answer->kind == ANSWER_NONE && flight->size == 0) {
        if (!is_refusal(body)) {
            return false;
        }
        answer->kind = ANSWER_ALERT;
        answer->alert = (uint8_t)body.data[1];
        return true;
    }
    if (type != RECORD_HANDSHAKE || body.size > sizeof(flight->data) - flight->size) {
        answer->kind = answer->kind == ANSWER_NONE ? ANSWER_STRANGE : answer->kind;
        return true;
    }
    if (body.size > 0) {
        memcpy(flight->data + flight->size, body.data, body.size);
    }
    flight->size += body.size;
    return false;
}

// Reads bytes that do not begin like a TLS record.
static enum result read_other(struct slice received, struct answer *answer) {
    const uint8_t *at = (const uint8_t *)received.data;
    bool may_be_http = memcmp(received.data, "HTTP/", received.size < 5 ? received.size : 5) == 0;
    if (may_be_http && received.size < 12) {
        return RESULT_AGAIN;
    }
    answer->http_status = http_status_of(received);
    if (answer->http_status != 0) {
        answer->kind = ANSWER_HTTP;
        return RESULT_OK;
    }
    // A header of two bytes, type, session id flag, certificate type, version.
    if ((at[0] & 0x80) != 0 && received.size < 7) {
        return RESULT_AGAIN;
    }
    bool is_ssl2 = (at[0] & 0x80) != 0 && at[2] == 4 && at[3] <= 1 && at[5] == 0 && at[6] == 2;
    answer->kind = is_ssl2 ? ANSWER_SSL2 : ANSWER_STRANGE;
    return RESULT_OK;
}

enum result answer_read(struct slice received, bool whole, struct flight *flight,
                        struct answer *answer) {
    *answer = (struct answer){.kind = ANSWER_NONE};
    flight->size = 0;
    if (received.size == 0) {
        return RESULT_AGAIN;
    }
    uint8_t first = (uint8_t)received.data[0];
    if (first != RECORD_ALERT && first != RECORD_HANDSHAKE) {
        return read_other(received, answer);
    }
    struct reader reader = reader_of(received);
    bool decided = false;
    while (!decided && reader.left >= RECORD_HEADER_SIZE) {
        uint32_t type = read_number(&reader, 1);
        uint32_t major = read_number(&reader, 1);
        (void)read_number(&reader, 1);
        if (major != 3) {
            answer->kind = answer->kind == ANSWER_NONE ? ANSWER_STRANGE : answer->kind;
            return RESULT_OK;
        }
        struct slice body = read_vector(&reader, 2);
        if (reader.bad) {
            break;
        }
        decided = read_record(type, body, flight, answer);
        if (!decided) {
            *answer = (struct answer){.kind = ANSWER_NONE};
            decided = read_messages(flight, answer);
            decided |= !whole && answer->kind != ANSWER_NONE;
        }
    }
    return decided ? RESULT_OK : RESULT_AGAIN;
}

// --- Text ---

const char *version_name(uint16_t version) {
    const char *name = registry_name(registry_versions(), version);
    return version == VERSION_SSL2 ? "SSL 2.0" : name == NULL ? "an unknown version" : name;
}

const char *group_name(uint16_t group) {
    const char *name = registry_name(registry_groups(), group);
    return name == NULL ? "a group without a name" : name;
}

void answer_text(const struct answer *answer, char text[ANSWER_TEXT_SIZE]) {
    switch (answer->kind) {
    case ANSWER_NONE:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "no answer in time");
        return;
    case ANSWER_CLOSED:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "the connection was closed without an alert");
        return;
    case ANSWER_RESET:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "the connection was reset");
        return;
    case ANSWER_LOST:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "no connection could be made");
        return;
    case ANSWER_ALERT:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "alert %s (%u)", alert_name(answer->alert),
                       answer->alert);
        return;
    case ANSWER_HELLO:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "a ServerHello: %s with %s (0x%04x)",
                       version_name(answer->hello.version), suite_name(answer->hello.suite),
                       answer->hello.suite);
        return;
    case ANSWER_RETRY:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "a HelloRetryRequest for %s (0x%04x)",
                       group_name(answer->hello.group), answer->hello.group);
        return;
    case ANSWER_SSL2:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "a SERVER-HELLO of SSL 2.0");
        return;
    case ANSWER_HTTP:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "plain HTTP with status %u", answer->http_status);
        return;
    case ANSWER_STRANGE:
        (void)snprintf(text, ANSWER_TEXT_SIZE, "something that is not TLS");
        return;
    }
}
