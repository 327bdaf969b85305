// The TLS 1.3 record layer after the handshake (RFC 8446 sections 4.6.3, 5 and 6), for one session,
// in both directions, in place. It is the server's end: handshake messages other than KeyUpdate are
// refused.
//
// Invariants: every sequence number is used at most once per key; no record is sealed or opened
// past the AEAD limit, and sequence 2^64-1 is never reached; plaintext of a record that fails
// authentication is never handed out, and overwritten; after an error nothing more is sealed but
// one alert; the secret and the keys before a KeyUpdate are overwritten by it.
//
// No I/O and no allocation: bytes in, bytes and a code out. The caller owns all buffers. No
// expanded key outlives a call, or a run of them, so an idle session holds only this struct. The
// AEAD contexts are scratch space, one `struct record_engine` per process.
#ifndef RAVELIN_TLS_RECORD_RECORD_H
#define RAVELIN_TLS_RECORD_RECORD_H

#include "base/result.h"
#include "tls/alert.h"
#include "tls/policy.h"

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

// Bounds on what costs work and brings nothing.
#define RECORD_EMPTY_MAX 32       // records without content, and user_canceled alerts, in a row
#define RECORD_KEY_UPDATES_MAX 32 // KeyUpdates in a row, without application data between them

// Records under one AES-GCM key (5.5): 2^24.5, of which one is left for the KeyUpdate or alert that
// ends it.
#define RECORD_LIMIT_AES_GCM UINT64_C(23726565)

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23,
};

struct record_engine; // AEAD scratch of one process

struct record_direction {
    uint8_t key[32];
    uint8_t iv[12];
    uint64_t sequence; // of the next record
    uint64_t limit;    // records with this key, then only a KeyUpdate or an alert may follow
    uint8_t secret[RECORD_SECRET_MAX];
};

struct record_layer {
    struct record_direction read, write;
    uint16_t suite;
    bool failed;         // a fatal alert was received, was sealed or is due: nothing more is opened
    bool closed_read;    // close_notify received
    bool closed_write;   // an alert was sealed or a fatal one received: nothing more is sealed
    bool key_update_due; // we owe the peer a KeyUpdate: it asked, or its key is half used up
    bool update_asked;   // the KeyUpdate we sent asks the peer for its own, which has not come yet
    uint8_t alert;       // after RESULT_ERROR of record_measure or record_open: the alert to send
    uint8_t peer_alert;  // the fatal alert the peer sent
    uint8_t message[5];  // a KeyUpdate that arrives in pieces
    uint8_t message_size;
    uint16_t empty_records; // in a row, at most RECORD_EMPTY_MAX
    uint16_t key_updates;   // in a row, at most RECORD_KEY_UPDATES_MAX
};

// What record_open found.
enum record_event {
    RECORD_EVENT_DATA, // application data: *payload, *payload_size (never 0)
    RECORD_EVENT_NONE, // nothing for the caller: (part of) a KeyUpdate, padding only, user_canceled
    RECORD_EVENT_CLOSED, // close_notify: nothing more will come, we may go on sending
    RECORD_EVENT_ALERT,  // the peer sent a fatal alert (layer->peer_alert): close, send nothing
};

// Chooses the library for AES-GCM (tls/record/aead.h). NULL when memory is short or the AEADs do
// not work.
struct record_engine *record_engine_new(void);
void record_engine_free(struct record_engine *engine);
const char *record_engine_name(const struct record_engine *engine); // that library's
// The name of a library that was refused because its own tests failed; else NULL.
const char *record_engine_refused(const struct record_engine *engine);
// Around records that are sealed or opened one behind the other. In between an expanded key may
// stay in the engine; outside of runs, and so while a worker waits or does anything else, none
// does. A run within a run ends both.
void record_engine_begin_run(struct record_engine *engine);
void record_engine_end_run(struct record_engine *engine);

// Derives keys and IVs from the traffic secrets (7.3), which are the suite's hash in size. Sequence
// numbers as the handshake left them. `limit` is the number of records under one key, for each
// direction; 0 means the suite's own (RECORD_LIMIT_AES_GCM, none for ChaCha20): a parameter so that
// tests can make it small. RESULT_ERROR: an unknown suite, or the library failed; the layer is then
// as after record_layer_wipe().
enum result record_layer_init(struct record_layer *layer, uint16_t suite,
                              const uint8_t *read_secret, const uint8_t *write_secret,
                              uint64_t read_sequence, uint64_t write_sequence,
                              uint64_t limit) MUST_CHECK;
// The same for one who has the keys of the secrets already.
struct record_keys {
    const uint8_t *secret;
    const uint8_t *key;
    const uint8_t *iv;
};
enum result record_layer_init_with_keys(struct record_layer *layer, uint16_t suite,
                                        const struct record_keys *read,
                                        const struct record_keys *write, uint64_t read_sequence,
                                        uint64_t write_sequence, uint64_t limit) MUST_CHECK;
// Overwrites all secrets; from then on nothing is opened or sealed.
void record_layer_wipe(struct record_layer *layer);

// *record_size: the bytes of the whole first record in data[0..size), or 0 when its header is not
// there yet. The record's version is not looked at (5.1), but it is authenticated. RESULT_ERROR: a
// type other than application_data, or a length over RECORD_BODY_MAX; layer->alert says what to
// send. RESULT_EOF: after close_notify, whatever follows it is to be ignored (6.1).
enum result record_measure(struct record_layer *layer, const uint8_t *data, size_t size,
                           size_t *record_size) MUST_CHECK;

// Opens the record data[0..size), exactly one whole record, in place: *payload points into it.
// RESULT_ERROR: send layer->alert and close. Final: every later call returns it too. RESULT_EOF as
// for record_measure().
enum result record_open(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                        size_t size, enum record_event *event, uint8_t **payload,
                        size_t *payload_size) MUST_CHECK;

// Opens the record data[0..size), one whole record with a length that record_measure() accepts, in
// place, and tells what is inside without judging it: for the handshake. *type is the inner content
// type, 0 when there is none. RESULT_EOF: it is not authentic; nothing has changed but its bytes,
// which are overwritten. RESULT_ERROR as for record_open().
enum result record_reveal(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                          size_t size, uint8_t *type, uint8_t **content,
                          size_t *content_size) MUST_CHECK;

// Seals payload[0..size) where it lies, size <= RECORD_PAYLOAD_MAX. payload[size] is overwritten
// (the inner type is encrypted with the payload). The header and tag go to `header` and `tag`,
// which may be the bytes just before the payload and just after payload[size]: then the record is
// contiguous. `type` is application data, or a handshake message other than KeyUpdate; alerts have
// their own function. RESULT_AGAIN: nothing was done, a KeyUpdate must go first. RESULT_ERROR: the
// layer failed or is closed for writing, or the arguments are wrong.
enum result record_seal(struct record_layer *layer, struct record_engine *engine,
                        enum record_type type, uint8_t *payload, size_t size,
                        uint8_t header[RECORD_HEADER_SIZE],
                        uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// The same for a further piece of a handshake message whose beginning was sealed in the record
// before: it may begin with any byte.
enum result record_seal_piece(struct record_layer *layer, struct record_engine *engine,
                              uint8_t *payload, size_t size, uint8_t header[RECORD_HEADER_SIZE],
                              uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// True when a KeyUpdate must be sent before the next application data. Send it soon even when there
// are none: the peer may wait for it, and a peer whose key is half used up is told so by it.
static inline bool record_wants_key_update(const struct record_layer *layer) {
    return !layer->failed && !layer->closed_write &&
           (layer->key_update_due || layer->write.sequence >= layer->write.limit);
}
#define RECORD_KEY_UPDATE_SIZE (RECORD_OVERHEAD + 5)
// Writes a sealed KeyUpdate and moves the write key on. It asks the peer to update too when the
// read key is half used up; otherwise it says update_not_requested.
enum result record_seal_key_update(struct record_layer *layer, struct record_engine *engine,
                                   uint8_t output[RECORD_KEY_UPDATE_SIZE]) MUST_CHECK;

#define RECORD_ALERT_SIZE (RECORD_OVERHEAD + 2)
// Writes a sealed alert; close_notify is a warning, everything else fatal. After it nothing is
// sealed, and after a fatal one nothing opened. At most one alert is sealed in a layer's life:
// RESULT_EOF when one was already, or when the peer sent a fatal one.
enum result record_seal_alert(struct record_layer *layer, struct record_engine *engine,
                              uint8_t alert, uint8_t output[RECORD_ALERT_SIZE]) MUST_CHECK;

#endif
