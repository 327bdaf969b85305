#include "tls/record/record.h"

#include "base/secret.h"
#include "tls/record/aead.h"

#include <string.h>

enum {
    HANDSHAKE_KEY_UPDATE = 24,
    KEY_UPDATE_SIZE = 5, // type, length (3), request_update
    UPDATE_NOT_REQUESTED = 0,
    UPDATE_REQUESTED = 1,
    ALERT_SIZE = 2, // level, description
    LEVEL_WARNING = 1,
    LEVEL_FATAL = 2,
    INNER_SIZE_MAX = RECORD_PAYLOAD_MAX + 1, // content, type and padding, 5.4
};

// The sequence number after the last one that is ever used: so a sequence number cannot wrap.
#define SEQUENCE_END UINT64_MAX

// --- Keys ---

static enum result derive_keys(struct record_direction *direction, uint16_t suite) {
    if (aead_expand_label(suite, direction->secret, "key", direction->key, aead_key_size(suite)) !=
        RESULT_OK) {
        return RESULT_ERROR;
    }
    return aead_expand_label(suite, direction->secret, "iv", direction->iv, sizeof(direction->iv));
}

// The next generation of keys (7.2). The former secret, key and IV are overwritten.
static enum result update_keys(struct record_direction *direction, uint16_t suite) {
    uint8_t next[RECORD_SECRET_MAX];
    size_t size = aead_hash_size(suite);
    enum result result = aead_expand_label(suite, direction->secret, "traffic upd", next, size);
    if (result == RESULT_OK) {
        memcpy(direction->secret, next, size);
        result = derive_keys(direction, suite);
    }
    secret_wipe(next, sizeof(next));
    direction->sequence = 0;
    return result;
}

// The IV with the sequence number, as a big-endian number, folded into its end (5.3).
static void make_nonce(const struct record_direction *direction, uint8_t nonce[AEAD_NONCE_SIZE]) {
    memcpy(nonce, direction->iv, AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < sizeof(direction->sequence); i++) {
        uint8_t byte = (uint8_t)(direction->sequence >> (8 * i));
        nonce[AEAD_NONCE_SIZE - 1 - i] = (uint8_t)(nonce[AEAD_NONCE_SIZE - 1 - i] ^ byte);
    }
}

static void init_direction(struct record_direction *direction, const uint8_t *secret,
                           size_t secret_size, uint64_t sequence, uint64_t limit) {
    memcpy(direction->secret, secret, secret_size);
    direction->sequence = sequence;
    direction->limit = limit;
}

// Sets all members except the keys. False: unknown suite.
static bool init_layer(struct record_layer *layer, uint16_t suite, const uint8_t *read_secret,
                       const uint8_t *write_secret, uint64_t read_sequence, uint64_t write_sequence,
                       uint64_t limit) {
    memset(layer, 0, sizeof(*layer));
    layer->suite = suite;
    size_t size = aead_hash_size(suite);
    if (limit == 0) {
        limit = suite == SUITE_CHACHA20_POLY1305_SHA256 ? SEQUENCE_END - 1 : RECORD_LIMIT_AES_GCM;
    } else if (limit == SEQUENCE_END) {
        limit = SEQUENCE_END - 1;
    }
    if (size == 0) {
        record_layer_wipe(layer);
        return false;
    }
    init_direction(&layer->read, read_secret, size, read_sequence, limit);
    init_direction(&layer->write, write_secret, size, write_sequence, limit);
    return true;
}

static void set_keys(struct record_direction *direction, const uint8_t *key, size_t key_size,
                     const uint8_t *iv) {
    memcpy(direction->key, key, key_size);
    memcpy(direction->iv, iv, sizeof(direction->iv));
}

enum result record_layer_init(struct record_layer *layer, uint16_t suite,
                              const uint8_t *read_secret, const uint8_t *write_secret,
                              uint64_t read_sequence, uint64_t write_sequence, uint64_t limit) {
    if (!init_layer(layer, suite, read_secret, write_secret, read_sequence, write_sequence,
                    limit)) {
        return RESULT_ERROR;
    }
    enum result result = derive_keys(&layer->read, suite);
    if (result == RESULT_OK && read_secret == write_secret) { // used between Ravelin and wolfSSL
        set_keys(&layer->write, layer->read.key, aead_key_size(suite), layer->read.iv);
    } else if (result == RESULT_OK) {
        result = derive_keys(&layer->write, suite);
    }
    if (result != RESULT_OK) {
        record_layer_wipe(layer);
    }
    return result;
}

enum result record_layer_init_with_keys(struct record_layer *layer, uint16_t suite,
                                        const struct record_keys *read,
                                        const struct record_keys *write, uint64_t read_sequence,
                                        uint64_t write_sequence, uint64_t limit) {
    if (!init_layer(layer, suite, read->secret, write->secret, read_sequence, write_sequence,
                    limit)) {
        return RESULT_ERROR;
    }
    set_keys(&layer->read, read->key, aead_key_size(suite), read->iv);
    set_keys(&layer->write, write->key, aead_key_size(suite), write->iv);
    return RESULT_OK;
}

void record_layer_wipe(struct record_layer *layer) {
    secret_wipe(layer, sizeof(*layer));
    // A wiped layer must not seal with a key of zeros.
    layer->failed = true;
    layer->closed_write = true;
    layer->alert = ALERT_INTERNAL_ERROR;
}

// --- Reading ---

static enum result fail(struct record_layer *layer, enum tls_alert alert) {
    layer->failed = true;
    layer->alert = (uint8_t)alert;
    return RESULT_ERROR;
}

static enum result check_open(const struct record_layer *layer) {
    if (layer->failed) {
        return RESULT_ERROR;
    }
    return layer->closed_read ? RESULT_EOF : RESULT_OK;
}

enum result record_measure(struct record_layer *layer, const uint8_t *data, size_t size,
                           size_t *record_size) {
    *record_size = 0;
    enum result result = check_open(layer);
    if (result != RESULT_OK) {
        return result;
    }
    if (size < RECORD_HEADER_SIZE) {
        return RESULT_OK;
    }
    // After the handshake all records are protected, also alerts, and a change_cipher_spec is not
    // allowed (5).
    if (data[0] != RECORD_APPLICATION_DATA) {
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    size_t length = (size_t)data[3] << 8 | data[4];
    if (length > RECORD_BODY_MAX) {
        return fail(layer, ALERT_RECORD_OVERFLOW);
    }
    *record_size = RECORD_HEADER_SIZE + length;
    return RESULT_OK;
}

// Limits records without content, because they cost work.
static enum result count_empty(struct record_layer *layer) {
    if (layer->empty_records >= RECORD_EMPTY_MAX) {
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    layer->empty_records++;
    return RESULT_OK;
}

static enum result take_key_update(struct record_layer *layer, uint8_t request) {
    if (request != UPDATE_NOT_REQUESTED && request != UPDATE_REQUESTED) {
        return fail(layer, ALERT_ILLEGAL_PARAMETER);
    }
    if (layer->key_updates >= RECORD_KEY_UPDATES_MAX) {
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    layer->key_updates++;
    if (update_keys(&layer->read, layer->suite) != RESULT_OK) {
        return fail(layer, ALERT_INTERNAL_ERROR);
    }
    layer->update_asked = false;
    if (request == UPDATE_REQUESTED) {
        layer->key_update_due = true;
    }
    return RESULT_OK;
}

// Reads a KeyUpdate, or a piece of one. A client must send no other handshake message after the
// handshake (4.6). Nothing may follow a KeyUpdate in its record, because the next byte has another
// key (5.1).
static enum result take_handshake(struct record_layer *layer, const uint8_t *data, size_t size) {
    if (size == 0) { // 5.4
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    while (size > 0 && layer->message_size < KEY_UPDATE_SIZE) {
        layer->message[layer->message_size++] = *data++;
        size--;
        if (layer->message[0] != HANDSHAKE_KEY_UPDATE) {
            return fail(layer, ALERT_UNEXPECTED_MESSAGE);
        }
        static const uint8_t length[3] = {0, 0, 1};
        if (layer->message_size == 4 && memcmp(layer->message + 1, length, 3) != 0) {
            return fail(layer, ALERT_DECODE_ERROR);
        }
    }
    if (layer->message_size < KEY_UPDATE_SIZE) {
        return RESULT_OK; // the rest is in the next record
    }
    if (size > 0) {
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    layer->message_size = 0;
    return take_key_update(layer, layer->message[KEY_UPDATE_SIZE - 1]);
}

static enum result take_alert(struct record_layer *layer, const uint8_t *data, size_t size,
                              enum record_event *event) {
    if (size == 0) { // 5.4
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    if (size != ALERT_SIZE) { // neither in pieces nor several at once, 5.1
        return fail(layer, ALERT_DECODE_ERROR);
    }
    // The level has no meaning in TLS 1.3: the description decides (6).
    uint8_t description = data[1];
    if (description != ALERT_CLOSE_NOTIFY && description != ALERT_USER_CANCELED) {
        layer->failed = true;
        layer->closed_write = true; // both sides stop at once, 6.2
        layer->peer_alert = description;
        *event = RECORD_EVENT_ALERT;
        return RESULT_OK;
    }
    if (layer->message_size > 0) {
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    if (description == ALERT_USER_CANCELED) { // a close_notify will follow, 6.1
        return count_empty(layer);
    }
    layer->closed_read = true;
    *event = RECORD_EVENT_CLOSED;
    return RESULT_OK;
}

static enum result take_data(struct record_layer *layer, size_t size, enum record_event *event) {
    if (layer->message_size > 0) { // between the pieces of a handshake message, 5.1
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    if (size == 0) {
        return count_empty(layer);
    }
    layer->empty_records = 0;
    layer->key_updates = 0;
    *event = RECORD_EVENT_DATA;
    return RESULT_OK;
}

// A peer that keeps using one key is asked for another when half of the limit is left, for records
// that are on their way.
static bool must_ask(const struct record_layer *layer) {
    return !layer->update_asked && layer->read.sequence >= layer->read.limit / 2;
}

// Authenticates and decrypts the body of a record in place. RESULT_EOF: not authentic.
static enum result open_body(struct record_layer *layer, struct record_engine *engine,
                             uint8_t *data, size_t size) {
    struct record_direction *read = &layer->read;
    if (read->sequence > read->limit) { // it was asked for a KeyUpdate long ago
        return fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    if (size < RECORD_HEADER_SIZE + RECORD_TAG_SIZE) {
        return RESULT_EOF;
    }
    uint8_t nonce[AEAD_NONCE_SIZE];
    make_nonce(read, nonce);
    size_t inner_size = size - RECORD_HEADER_SIZE - RECORD_TAG_SIZE;
    if (aead_open(engine, layer->suite, read->key, nonce, data, data + RECORD_HEADER_SIZE,
                  inner_size, data + size - RECORD_TAG_SIZE) != RESULT_OK) {
        return RESULT_EOF;
    }
    read->sequence++;
    if (inner_size > INNER_SIZE_MAX) {
        return fail(layer, ALERT_RECORD_OVERFLOW);
    }
    if (must_ask(layer)) {
        layer->key_update_due = true;
    }
    return RESULT_OK;
}

enum result record_reveal(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                          size_t size, uint8_t *type, uint8_t **content, size_t *content_size) {
    enum result result = open_body(layer, engine, data, size);
    if (result != RESULT_OK) {
        return result;
    }
    // The content type is the last byte that is not zero. The zeros after it are padding (5.4).
    *content = data + RECORD_HEADER_SIZE;
    size_t end = size - RECORD_HEADER_SIZE - RECORD_TAG_SIZE;
    while (end > 0 && (*content)[end - 1] == 0) {
        end--;
    }
    *content_size = end == 0 ? 0 : end - 1;
    *type = end == 0 ? 0 : (*content)[end - 1];
    return RESULT_OK;
}

enum result record_open(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                        size_t size, enum record_event *event, uint8_t **payload,
                        size_t *payload_size) {
    *event = RECORD_EVENT_NONE;
    *payload = NULL;
    *payload_size = 0;
    size_t record_size;
    enum result result = record_measure(layer, data, size, &record_size);
    if (result != RESULT_OK) {
        return result;
    }
    if (record_size == 0 || record_size != size) { // the caller's mistake
        return fail(layer, ALERT_INTERNAL_ERROR);
    }
    uint8_t type;
    uint8_t *content;
    size_t content_size;
    result = record_reveal(layer, engine, data, size, &type, &content, &content_size);
    if (result != RESULT_OK) {
        return result == RESULT_EOF ? fail(layer, ALERT_BAD_RECORD_MAC) : result;
    }
    switch (type) {
    case RECORD_APPLICATION_DATA:
        result = take_data(layer, content_size, event);
        break;
    case RECORD_HANDSHAKE:
        result = take_handshake(layer, content, content_size);
        break;
    case RECORD_ALERT:
        result = take_alert(layer, content, content_size, event);
        break;
    default: // no type at all, or a protected change_cipher_spec, 5
        result = fail(layer, ALERT_UNEXPECTED_MESSAGE);
    }
    if (result == RESULT_OK && *event == RECORD_EVENT_DATA) {
        *payload = content;
        *payload_size = content_size;
    }
    return result;
}

// --- Writing ---

// Afterwards nothing can be sealed, not even an alert.
static enum result fail_writing(struct record_layer *layer) {
    layer->closed_write = true;
    return fail(layer, ALERT_INTERNAL_ERROR);
}

// Seals a record without checks. The sequence number is used up also if the library fails, because
// its nonce may have been used.
static enum result seal(struct record_layer *layer, struct record_engine *engine, uint8_t type,
                        uint8_t *payload, size_t size, uint8_t header[RECORD_HEADER_SIZE],
                        uint8_t tag[RECORD_TAG_SIZE]) {
    struct record_direction *write = &layer->write;
    if (layer->closed_write) {
        return RESULT_ERROR;
    }
    if (write->sequence > write->limit) {
        return fail_writing(layer);
    }
    size_t body_size = size + RECORD_TAIL_SIZE;
    header[0] = RECORD_APPLICATION_DATA;
    header[1] = 3;
    header[2] = 3;
    header[3] = (uint8_t)(body_size >> 8);
    header[4] = (uint8_t)body_size;
    payload[size] = type;
    uint8_t nonce[AEAD_NONCE_SIZE];
    make_nonce(write, nonce);
    write->sequence++;
    if (aead_seal(engine, layer->suite, write->key, nonce, header, payload, size + 1, tag) !=
        RESULT_OK) {
        return fail_writing(layer);
    }
    return RESULT_OK;
}

static enum result seal_when_allowed(struct record_layer *layer, struct record_engine *engine,
                                     enum record_type type, uint8_t *payload, size_t size,
                                     uint8_t header[RECORD_HEADER_SIZE],
                                     uint8_t tag[RECORD_TAG_SIZE]) {
    if (layer->failed || size > RECORD_PAYLOAD_MAX) {
        return RESULT_ERROR;
    }
    if (record_wants_key_update(layer)) {
        return RESULT_AGAIN;
    }
    return seal(layer, engine, (uint8_t)type, payload, size, header, tag);
}

enum result record_seal(struct record_layer *layer, struct record_engine *engine,
                        enum record_type type, uint8_t *payload, size_t size,
                        uint8_t header[RECORD_HEADER_SIZE], uint8_t tag[RECORD_TAG_SIZE]) {
    bool is_message = type == RECORD_HANDSHAKE && size > 0 && payload[0] != HANDSHAKE_KEY_UPDATE;
    if (type != RECORD_APPLICATION_DATA && !is_message) {
        return RESULT_ERROR;
    }
    return seal_when_allowed(layer, engine, type, payload, size, header, tag);
}

enum result record_seal_piece(struct record_layer *layer, struct record_engine *engine,
                              uint8_t *payload, size_t size, uint8_t header[RECORD_HEADER_SIZE],
                              uint8_t tag[RECORD_TAG_SIZE]) {
    if (size == 0) {
        return RESULT_ERROR;
    }
    return seal_when_allowed(layer, engine, RECORD_HANDSHAKE, payload, size, header, tag);
}

enum result record_seal_key_update(struct record_layer *layer, struct record_engine *engine,
                                   uint8_t output[RECORD_KEY_UPDATE_SIZE]) {
    if (layer->failed) {
        return RESULT_ERROR;
    }
    bool ask = must_ask(layer);
    uint8_t *payload = output + RECORD_HEADER_SIZE;
    const uint8_t message[KEY_UPDATE_SIZE] = {
        HANDSHAKE_KEY_UPDATE, 0, 0, 1, ask ? UPDATE_REQUESTED : UPDATE_NOT_REQUESTED,
    };
    memcpy(payload, message, sizeof(message));
    if (seal(layer, engine, RECORD_HANDSHAKE, payload, sizeof(message), output,
             payload + sizeof(message) + 1) != RESULT_OK) {
        return RESULT_ERROR;
    }
    layer->key_update_due = false;
    layer->update_asked = layer->update_asked || ask;
    if (update_keys(&layer->write, layer->suite) != RESULT_OK) {
        return fail_writing(layer);
    }
    return RESULT_OK;
}

enum result record_seal_alert(struct record_layer *layer, struct record_engine *engine,
                              uint8_t alert, uint8_t output[RECORD_ALERT_SIZE]) {
    if (layer->closed_write) {
        return RESULT_EOF;
    }
    uint8_t *payload = output + RECORD_HEADER_SIZE;
    payload[0] = alert == ALERT_CLOSE_NOTIFY ? LEVEL_WARNING : LEVEL_FATAL;
    payload[1] = alert;
    enum result result =
        seal(layer, engine, RECORD_ALERT, payload, ALERT_SIZE, output, payload + ALERT_SIZE + 1);
    layer->closed_write = true;
    if (alert != ALERT_CLOSE_NOTIFY) {
        layer->failed = true;
    }
    return result;
}
