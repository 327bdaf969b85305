#include "tls/handshake/flight.h"

#include "tls/record/aead.h"

#include <string.h>

enum {
    MESSAGE_HEADER_SIZE = 4,
    MESSAGE_SIZE_MAX = MESSAGE_HEADER_SIZE + HELLO_SIZE_MAX,
    FEED_SIZE_MAX = 2 * MESSAGE_SIZE_MAX,
    ALERT_BODY_SIZE = 2,
    CLIENT_HELLO = 1,
    CERTIFICATE = 11,
    CERTIFICATE_VERIFY = 15,
    FINISHED = 20,
};

void flight_init(struct flight *flight) {
    *flight = (struct flight){.state = FLIGHT_HELLO};
    record_layer_wipe(&flight->records);
}

void flight_free(struct flight *flight) {
    buffer_free(&flight->message);
    buffer_free(&flight->feed);
    record_layer_wipe(&flight->records);
}

static enum result unexpected(struct flight *flight, const char *text) {
    return refusal_set(&flight->refusal, REFUSAL_unexpected, text);
}

static enum result malformed(struct flight *flight, const char *text) {
    return refusal_set(&flight->refusal, REFUSAL_malformed, text);
}

static enum result no_memory(struct flight *flight) {
    return refusal_set(&flight->refusal, REFUSAL_internal, "out of memory");
}

// --- Messages ---

static bool feed_sealed(struct flight *flight, struct record_engine *engine) {
    const uint8_t *message = buffer_bytes(&flight->message);
    size_t size = buffer_size(&flight->message);
    for (size_t at = 0; at < size;) {
        size_t piece = size - at < RECORD_PAYLOAD_MAX ? size - at : RECORD_PAYLOAD_MAX;
        uint8_t *record = buffer_room(&flight->feed, piece + RECORD_OVERHEAD, FEED_SIZE_MAX);
        if (record == NULL) {
            return false;
        }
        uint8_t *payload = record + RECORD_HEADER_SIZE;
        memcpy(payload, message + at, piece);
        enum result sealed = at == 0 ? record_seal(&flight->records, engine, RECORD_HANDSHAKE,
                                                   payload, piece, record, payload + piece + 1)
                                     : record_seal_piece(&flight->records, engine, payload, piece,
                                                         record, payload + piece + 1);
        if (sealed != RESULT_OK) {
            return false;
        }
        buffer_grow(&flight->feed, piece + RECORD_OVERHEAD);
        at += piece;
    }
    return true;
}

// Whether a message of this type is allowed now (4, 4.4).
static bool may_come(const struct flight *flight, uint8_t type) {
    if (flight->state != FLIGHT_PROTECTED) {
        return type == CLIENT_HELLO;
    }
    if (!flight->certificate_asked) {
        return type == FINISHED;
    }
    switch (flight->last_type) {
    case 0:
        return type == CERTIFICATE;
    case CERTIFICATE: // an empty one proves nothing
        return type == (flight->certificate_shown ? CERTIFICATE_VERIFY : FINISHED);
    default:
        return type == FINISHED;
    }
}

// Checks the size as soon as the header is complete.
static enum result judge_size(struct flight *flight, uint8_t type, size_t size) {
    if (size > (type == CLIENT_HELLO ? (size_t)HELLO_SIZE_MAX : FLIGHT_MESSAGE_MAX) ||
        (type == FINISHED && size != aead_hash_size(flight->records.suite))) {
        return malformed(flight, "a message of the wrong size");
    }
    return RESULT_OK;
}

// Processes a complete message; `more` bytes follow it in its record. Before a change of keys there
// must be none (5.1).
static enum result take_message(struct flight *flight, struct record_engine *engine, size_t more) {
    uint8_t type = buffer_bytes(&flight->message)[0];
    if (more > 0 && (type == CLIENT_HELLO || type == FINISHED)) {
        return unexpected(flight, "bytes after a message that ends its record");
    }
    if (flight->state != FLIGHT_PROTECTED) {
        return RESULT_OK;
    }
    if (type == CERTIFICATE) { // its header, an empty context, an empty list
        flight->certificate_shown = buffer_size(&flight->message) > 4 + 1 + 3;
    }
    if (type == CERTIFICATE_VERIFY && buffer_size(&flight->message) >= MESSAGE_HEADER_SIZE + 2) {
        const uint8_t *scheme = buffer_bytes(&flight->message) + MESSAGE_HEADER_SIZE;
        flight->proof_scheme = (uint16_t)(scheme[0] << 8 | scheme[1]);
    }
    if (!feed_sealed(flight, engine)) {
        return no_memory(flight);
    }
    buffer_cut(&flight->message, 0);
    flight->last_type = type;
    if (type == FINISHED) {
        flight->state = FLIGHT_DONE;
    }
    return RESULT_OK;
}

static size_t message_size(const uint8_t *header) {
    return MESSAGE_HEADER_SIZE +
           ((size_t)header[1] << 16 | (size_t)header[2] << 8 | (size_t)header[3]);
}

// Bytes that the gathered message still needs, as far as known.
static size_t message_needs(const struct flight *flight) {
    size_t there = buffer_size(&flight->message);
    if (there < MESSAGE_HEADER_SIZE) {
        return MESSAGE_HEADER_SIZE - there;
    }
    return message_size(buffer_bytes(&flight->message)) - there;
}

static enum result add_part(struct flight *flight, const uint8_t *data, size_t size) {
    size_t before = buffer_size(&flight->message);
    if (before == 0 && !may_come(flight, data[0])) {
        return unexpected(flight, "a handshake message out of turn");
    }
    if (!buffer_append(&flight->message, data, size, MESSAGE_SIZE_MAX)) {
        return no_memory(flight);
    }
    if (before < MESSAGE_HEADER_SIZE && before + size == MESSAGE_HEADER_SIZE) {
        const uint8_t *header = buffer_bytes(&flight->message);
        return judge_size(flight, header[0], message_size(header) - MESSAGE_HEADER_SIZE);
    }
    return RESULT_OK;
}

// The content of a handshake record: one or more messages, or a part of one.
static enum result gather(struct flight *flight, struct record_engine *engine, const uint8_t *data,
                          size_t size) {
    enum result result = RESULT_AGAIN;
    while (size > 0) {
        size_t needed = message_needs(flight);
        size_t part = size < needed ? size : needed;
        if (add_part(flight, data, part) != RESULT_OK) {
            return RESULT_ERROR;
        }
        data += part;
        size -= part;
        if (buffer_size(&flight->message) >= MESSAGE_HEADER_SIZE && message_needs(flight) == 0) {
            result = take_message(flight, engine, size);
            if (result != RESULT_OK) {
                return result;
            }
        }
    }
    return result;
}

// --- Records ---

static enum result take_idle(struct flight *flight) {
    if (buffer_size(&flight->message) > 0) {
        return unexpected(flight, "a record between the pieces of a message"); // 5.1
    }
    if (flight->idle_records >= FLIGHT_IDLE_MAX) {
        return unexpected(flight, "too many records that mean nothing");
    }
    flight->idle_records++;
    return RESULT_AGAIN;
}

// The level has no meaning in TLS 1.3 (6). An alert gets no alert in reply.
static enum result take_alert(struct flight *flight, const uint8_t *body, size_t size) {
    if (size == 0) { // 5.4
        return unexpected(flight, "an empty alert");
    }
    if (size != ALERT_BODY_SIZE) { // neither in pieces nor several at once, 5.1
        return malformed(flight, "malformed alert");
    }
    switch (body[1]) {
    case ALERT_USER_CANCELED: // a close_notify will follow, 6.1
        return take_idle(flight);
    case ALERT_CLOSE_NOTIFY:
        return refusal_set(&flight->refusal, REFUSAL_client_left, NULL);
    default:
        return refusal_set(&flight->refusal, REFUSAL_client_alert, alert_name(body[1]));
    }
}

static enum result skip_early_data(struct flight *flight, size_t size) {
    if (size > flight->early_data_left) {
        return unexpected(flight, "too much early data");
    }
    flight->early_data_left -= size;
    return RESULT_AGAIN;
}

// What is inside a protected record.
static enum result take_content(struct flight *flight, struct record_engine *engine, uint8_t type,
                                const uint8_t *content, size_t size) {
    switch (type) {
    case RECORD_HANDSHAKE:
        return size == 0 ? unexpected(flight, "an empty handshake record") // 5.4
                         : gather(flight, engine, content, size);
    case RECORD_ALERT:
        return take_alert(flight, content, size);
    case RECORD_APPLICATION_DATA:
        return unexpected(flight, "application data before Finished");
    default: // also a protected change_cipher_spec, 5, and no type at all, 5.4
        return unexpected(flight, "a protected record of another type");
    }
}

static enum result take_protected(struct flight *flight, struct record_engine *engine,
                                  uint8_t *record, size_t size) {
    uint8_t type = 0;
    uint8_t *content = NULL;
    size_t content_size = 0;
    switch (record_reveal(&flight->records, engine, record, size, &type, &content, &content_size)) {
    case RESULT_OK:
        flight->opened = true;
        flight->early_data_left = 0; // 4.2.10: a record that opens belongs to the second flight
        return take_content(flight, engine, type, content, content_size);
    case RESULT_EOF:
        return flight->early_data_left > 0
                   ? skip_early_data(flight, size)
                   : refusal_set(&flight->refusal, REFUSAL_bad_record, NULL);
    default:
        return flight->records.alert == ALERT_RECORD_OVERFLOW
                   ? refusal_set(&flight->refusal, REFUSAL_oversized, NULL)
                   : refusal_set(&flight->refusal, REFUSAL_internal, NULL);
    }
}

static enum result take_record(struct flight *flight, struct record_engine *engine, uint8_t *record,
                               size_t size) {
    uint8_t *content = record + RECORD_HEADER_SIZE;
    size_t content_size = size - RECORD_HEADER_SIZE;
    switch (record[0]) {
    case RECORD_HANDSHAKE:
        flight->early_data_left =
            flight->state == FLIGHT_SECOND_HELLO ? 0 : flight->early_data_left;
        return gather(flight, engine, content, content_size);
    case RECORD_CHANGE_CIPHER_SPEC:
        return content[0] == 1 ? take_idle(flight)
                               : unexpected(flight, "a change_cipher_spec of another value");
    case RECORD_ALERT:
        return take_alert(flight, content, content_size);
    default:
        return flight->state == FLIGHT_SECOND_HELLO ? skip_early_data(flight, size)
                                                    : take_protected(flight, engine, record, size);
    }
}

// --- Headers ---

// Checks whether the first bytes of a connection are TLS.
static enum result judge_first_bytes(struct flight *flight, const uint8_t *data, size_t size) {
    if (data[0] >= RECORD_CHANGE_CIPHER_SPEC && data[0] <= RECORD_APPLICATION_DATA) {
        // No record is older than SSL 3.0. Newer numbers have no meaning (5.1, D.5).
        return size > 1 && data[1] < 3 ? refusal_set(&flight->refusal, REFUSAL_old_version, NULL)
                                       : RESULT_OK;
    }
    enum result http = hello_is_http(data, size);
    if (http == RESULT_OK) {
        return refusal_set(&flight->refusal, REFUSAL_plain_http, NULL);
    }
    enum result ssl2 = hello_is_ssl2(data, size);
    if (ssl2 == RESULT_OK) {
        return refusal_set(&flight->refusal, REFUSAL_old_version, "a hello of SSL 2.0");
    }
    return http == RESULT_AGAIN || ssl2 == RESULT_AGAIN
               ? RESULT_AGAIN
               : refusal_set(&flight->refusal, REFUSAL_not_tls, NULL);
}

static enum result judge_handshake(struct flight *flight, size_t length) {
    if (flight->state == FLIGHT_PROTECTED) {
        return unexpected(flight, "a handshake message in the clear");
    }
    return length == 0 ? unexpected(flight, "an empty handshake record") : RESULT_OK;
}

static enum result judge_alert(struct flight *flight, size_t length) {
    // Before this, the client may not have the keys yet.
    if (flight->state == FLIGHT_PROTECTED && flight->opened) {
        return unexpected(flight, "an alert in the clear");
    }
    return length <= ALERT_BODY_SIZE ? RESULT_OK : malformed(flight, "malformed alert");
}

static enum result judge_application_data(struct flight *flight, size_t length) {
    bool skipped = flight->state == FLIGHT_SECOND_HELLO && flight->early_data_left > 0;
    if (flight->state != FLIGHT_PROTECTED && !skipped) {
        return unexpected(flight, "a protected record before the keys");
    }
    return length <= RECORD_BODY_MAX ? RESULT_OK
                                     : refusal_set(&flight->refusal, REFUSAL_oversized, NULL);
}

// Checks a record by its type and length, before the rest of it has arrived.
static enum result judge_header(struct flight *flight, uint8_t type, size_t length) {
    if (type != RECORD_APPLICATION_DATA && length > RECORD_PAYLOAD_MAX) { // no room for a tag
        return refusal_set(&flight->refusal, REFUSAL_oversized, NULL);
    }
    switch (type) {
    case RECORD_HANDSHAKE:
        return judge_handshake(flight, length);
    case RECORD_CHANGE_CIPHER_SPEC:
        if (flight->state == FLIGHT_HELLO || length != 1) {
            return unexpected(flight, "a change_cipher_spec out of turn or of another form");
        }
        return RESULT_OK;
    case RECORD_ALERT:
        return judge_alert(flight, length);
    case RECORD_APPLICATION_DATA:
        return judge_application_data(flight, length);
    default:
        return unexpected(flight, "a record of an unknown type");
    }
}

// RESULT_OK: the record that begins here is complete. *record_size: its size.
static enum result find_record(struct flight *flight, const uint8_t *data, size_t size,
                               size_t *record_size) {
    if (size == 0) {
        return RESULT_AGAIN;
    }
    if (!flight->begun) {
        enum result first = judge_first_bytes(flight, data, size);
        if (first != RESULT_OK) {
            return first;
        }
    }
    if (size < RECORD_HEADER_SIZE) {
        return RESULT_AGAIN;
    }
    size_t length = (size_t)data[3] << 8 | data[4];
    if (judge_header(flight, data[0], length) != RESULT_OK) {
        return RESULT_ERROR;
    }
    *record_size = RECORD_HEADER_SIZE + length;
    return size < *record_size ? RESULT_AGAIN : RESULT_OK;
}

enum result flight_read(struct flight *flight, struct record_engine *engine, uint8_t *data,
                        size_t size, size_t *used) {
    *used = 0;
    enum result result;
    do {
        size_t record_size = 0;
        result = find_record(flight, data + *used, size - *used, &record_size);
        if (result != RESULT_OK) {
            return result;
        }
        flight->begun = true;
        result = take_record(flight, engine, data + *used, record_size);
        *used += record_size;
    } while (result == RESULT_AGAIN);
    return result;
}

// --- What the handshake tells ---

struct slice flight_hello(const struct flight *flight) {
    return (struct slice){(const char *)buffer_bytes(&flight->message) + MESSAGE_HEADER_SIZE,
                          buffer_size(&flight->message) - MESSAGE_HEADER_SIZE};
}

void flight_take_hello(struct flight *flight, struct buffer *kept) {
    *kept = flight->message;
    flight->message = (struct buffer){0};
}

bool flight_feed(struct flight *flight, struct slice message) {
    while (message.size > 0) {
        size_t piece = message.size < RECORD_PAYLOAD_MAX ? message.size : RECORD_PAYLOAD_MAX;
        const uint8_t header[RECORD_HEADER_SIZE] = {RECORD_HANDSHAKE, 3, 3, (uint8_t)(piece >> 8),
                                                    (uint8_t)piece};
        if (!buffer_append(&flight->feed, header, sizeof(header), FEED_SIZE_MAX) ||
            !buffer_append(&flight->feed, message.data, piece, FEED_SIZE_MAX)) {
            return false;
        }
        message = (struct slice){message.data + piece, message.size - piece};
    }
    return true;
}

void flight_skip_early_data(struct flight *flight) {
    flight->early_data_left = FLIGHT_EARLY_DATA_MAX;
}

void flight_expect_hello(struct flight *flight) {
    flight->state = FLIGHT_SECOND_HELLO;
}

enum result flight_protect(struct flight *flight, uint16_t suite, const uint8_t *secret,
                           bool certificate_asked) {
    flight->state = FLIGHT_PROTECTED;
    flight->certificate_asked = certificate_asked;
    return record_layer_init(&flight->records, suite, secret, secret, 0, 0, 0);
}
