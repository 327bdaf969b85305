// The TLS 1.3 record layer after the handshake (RFC 8446 sections 4.6.3, 5 and 6), for one session, both directions, in place.
//
// Invariants: every sequence number is used at most once per key; no record is sealed or opened past the AEAD limit or
// sequence 2^64-1; plaintext of a record that fails authentication is never handed out; after an error nothing more is sealed
// but one alert; secrets of a former key are wiped when the key is replaced.
//
// No I/O and no allocation: bytes in, bytes and a code out. The caller owns all buffers. No expanded key is kept between
// calls (a key schedule costs less than the memory: see FACTS), so an idle session holds only this struct. The AEAD
// contexts are scratch space, one `struct record_engine` per process, wiped by record_engine_free().
#ifndef RAVELIN_TLS_RECORD_H
#define RAVELIN_TLS_RECORD_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER_SIZE 5
#define RECORD_TAG_SIZE 16
#define RECORD_TAIL_SIZE (1 + RECORD_TAG_SIZE) // inner content type and tag
#define RECORD_OVERHEAD (RECORD_HEADER_SIZE + RECORD_TAIL_SIZE)
#define RECORD_PAYLOAD_MAX 16384
#define RECORD_BODY_MAX (RECORD_PAYLOAD_MAX + 256) // the largest length field, 5.2
#define RECORD_SIZE_MAX (RECORD_HEADER_SIZE + RECORD_BODY_MAX)
#define RECORD_SECRET_MAX 48

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23,
};

enum tls_alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_USER_CANCELED = 90,
    ALERT_MISSING_EXTENSION = 109,
    ALERT_UNRECOGNIZED_NAME = 112,
    ALERT_NO_APPLICATION_PROTOCOL = 120,
};

// The three suites, by their IANA numbers.
enum record_suite {
    SUITE_AES_128_GCM_SHA256 = 0x1301,
    SUITE_AES_256_GCM_SHA384 = 0x1302,
    SUITE_CHACHA20_POLY1305_SHA256 = 0x1303,
};

struct record_engine; // AEAD scratch of one process

struct record_direction {
    uint8_t key[32];
    uint8_t iv[12];
    uint64_t sequence; // of the next record
    uint64_t limit;    // records with this key before it must be replaced
    uint8_t secret[RECORD_SECRET_MAX];
};

struct record_layer {
    struct record_direction read, write;
    uint16_t suite;
    bool failed;             // a fatal alert was received or is due: nothing more is opened
    bool closed_read;        // close_notify received
    bool closed_write;       // close_notify or a fatal alert was sealed
    bool key_update_due;     // we owe the peer a KeyUpdate (it asked, or our own limit is near)
    uint8_t alert;           // after RESULT_ERROR of record_open: the alert to send
    uint8_t message[5];      // a KeyUpdate that arrives in pieces
    uint8_t message_size;
    uint16_t empty_records;  // in a row, bounded
    uint16_t key_updates;    // received without application data in between, bounded
    uint8_t peer_alert;      // a fatal alert the peer sent
};

// What record_open found.
enum record_event {
    RECORD_EVENT_DATA,    // application data: *payload, *payload_size (may be 0)
    RECORD_EVENT_NONE,    // a record with nothing for the caller (KeyUpdate taken in, padding only, user_canceled)
    RECORD_EVENT_CLOSED,  // close_notify
    RECORD_EVENT_ALERT,   // the peer sent a fatal alert (layer->peer_alert)
};

struct record_engine *record_engine_new(void); // NULL when memory is short
void record_engine_free(struct record_engine *engine);

// Derives keys and IVs from the traffic secrets (RFC 8446 7.3). Sequence numbers as the handshake left them.
// limit 0 means the suite's own (2^24.5 for AES-GCM, none for ChaCha20): a parameter so that tests can make it small.
enum result record_layer_init(struct record_layer *layer, uint16_t suite, const uint8_t *read_secret,
                              const uint8_t *write_secret, uint64_t read_sequence, uint64_t write_sequence,
                              uint64_t limit) MUST_CHECK;
void record_layer_wipe(struct record_layer *layer);

// Bytes of the whole first record in data[0..size), or 0 when its header is not there yet. On RESULT_ERROR of the
// header (length over RECORD_BODY_MAX, a type or version that cannot be) layer->alert says what to send.
enum result record_measure(struct record_layer *layer, const uint8_t *data, size_t size, size_t *record_size) MUST_CHECK;

// Opens the record data[0..size), exactly one whole record, in place.
enum result record_open(struct record_layer *layer, struct record_engine *engine, uint8_t *data, size_t size,
                        enum record_event *event, uint8_t **payload, size_t *payload_size) MUST_CHECK;

// Seals payload[0..size) where it lies, size <= RECORD_PAYLOAD_MAX. payload[size] is overwritten (the inner type is encrypted
// with the payload). The header and tag go to `header` and `tag`, which may be the bytes just before the payload and just after
// payload[size]: then the record is contiguous.
enum result record_seal(struct record_layer *layer, struct record_engine *engine, enum record_type type, uint8_t *payload,
                        size_t size, uint8_t header[RECORD_HEADER_SIZE], uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// True when a KeyUpdate must be sent before the next application data.
static inline bool record_wants_key_update(const struct record_layer *layer) {
    return layer->key_update_due || layer->write.sequence >= layer->write.limit;
}
#define RECORD_KEY_UPDATE_SIZE (RECORD_OVERHEAD + 5)
// Writes a sealed KeyUpdate(update_not_requested) and moves the write key on.
enum result record_seal_key_update(struct record_layer *layer, struct record_engine *engine,
                                   uint8_t output[RECORD_KEY_UPDATE_SIZE]) MUST_CHECK;

#define RECORD_ALERT_SIZE (RECORD_OVERHEAD + 2)
// Writes a sealed alert; close_notify is a warning, everything else fatal. At most one alert is sealed in a
// layer's life: RESULT_EOF when one was already.
enum result record_seal_alert(struct record_layer *layer, struct record_engine *engine, uint8_t alert,
                              uint8_t output[RECORD_ALERT_SIZE]) MUST_CHECK;

const char *record_suite_name(uint16_t suite); // "TLS_AES_128_GCM_SHA256"
const char *alert_name(uint8_t alert);         // "handshake_failure"

#endif
