// The record layer of TLS 1.3 after the handshake (RFC 8446 sections 4.6.3, 5 and 6): both
// directions of one session, in place. It is the server's end, so it refuses all handshake messages
// except KeyUpdate.
//
// Invariants:
//   - A sequence number is used at most once with a key, and never reaches 2^64-1.
//   - No record is sealed or opened beyond the limit of the AEAD.
//   - The plaintext of a record that is not authentic is overwritten and never returned.
//   - After an error, the layer seals at most one alert and nothing else.
//   - A KeyUpdate overwrites the secret and the key before it.
//
// No I/O, no allocation. The caller owns all buffers. No expanded key outlives a call or a run of
// calls, so an idle session holds only this struct. The AEAD contexts are scratch space: one
// `struct record_engine` for each process.
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
#define RECORD_BODY_MAX (RECORD_PAYLOAD_MAX + 256) // largest value of the length field (5.2)
#define RECORD_SIZE_MAX (RECORD_HEADER_SIZE + RECORD_BODY_MAX)
#define RECORD_SECRET_MAX 48

// Bounds for records that cost work but carry no data.
#define RECORD_EMPTY_MAX 32       // records without content, and user_canceled alerts, in a row
#define RECORD_KEY_UPDATES_MAX 32 // KeyUpdates in a row, without application data between them

// Records with one AES-GCM key (5.5): 2^24.5, less one for the KeyUpdate or alert at the end.
#define RECORD_LIMIT_AES_GCM UINT64_C(23726565)

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23,
};

struct record_engine; // AEAD scratch space of one process

struct record_direction {
    uint8_t key[32];
    uint8_t iv[12];
    uint64_t sequence; // sequence number of the next record
    uint64_t limit;    // records with this key; then only a KeyUpdate or an alert may follow
    uint8_t secret[RECORD_SECRET_MAX];
};

struct record_layer {
    struct record_direction read, write;
    uint16_t suite;
    bool failed;         // a fatal alert was received, was sealed or is due: opens no more records
    bool closed_read;    // close_notify was received
    bool closed_write;   // an alert was sealed, or a fatal alert received: seals no more records
    bool key_update_due; // Ravelin must send a KeyUpdate: requested, or the read key is half used
    bool update_asked;   // Ravelin requested a KeyUpdate that the client has not sent yet
    uint8_t alert;       // to send after RESULT_ERROR of record_measure() or record_open()
    uint8_t peer_alert;  // the fatal alert that the client sent
    uint8_t message[5];  // the pieces of a KeyUpdate
    uint8_t message_size;
    uint16_t empty_records; // in a row, at most RECORD_EMPTY_MAX
    uint16_t key_updates;   // in a row, at most RECORD_KEY_UPDATES_MAX
};

// The result of record_open().
enum record_event {
    RECORD_EVENT_DATA,   // application data: *payload, *payload_size (never 0)
    RECORD_EVENT_NONE,   // no data: a part of a KeyUpdate, padding only, or user_canceled
    RECORD_EVENT_CLOSED, // close_notify: no more data follow; Ravelin may still send
    RECORD_EVENT_ALERT,  // a fatal alert (layer->peer_alert): close, send nothing
};

// Chooses the library for AES-GCM (aead.h). NULL: memory is short, or the AEADs fail their test.
struct record_engine *record_engine_new(void);
void record_engine_free(struct record_engine *engine);
const char *record_engine_name(const struct record_engine *engine); // of the library for AES-GCM
// The name of a library that failed its test and is not used. NULL: none.
const char *record_engine_refused(const struct record_engine *engine);
// Call before and after a batch of record_seal() or record_open() calls. Within a run, the engine
// may keep one expanded key. Outside of runs, and so while a worker waits, it keeps none. If a run
// begins within a run, the first end ends both.
void record_engine_begin_run(struct record_engine *engine);
void record_engine_end_run(struct record_engine *engine);

// Derives keys and IVs from the traffic secrets (7.3).
//   read_secret, write_secret      [aead_hash_size(suite)] bytes
//   read_sequence, write_sequence  the next sequence numbers
//   limit    records with one key, for each direction; 0: the suite's own limit
//            (RECORD_LIMIT_AES_GCM; none for ChaCha20). Tests pass small numbers
//   ERROR    unknown suite, or the library failed; the layer is as after record_layer_wipe()
enum result record_layer_init(struct record_layer *layer, uint16_t suite,
                              const uint8_t *read_secret, const uint8_t *write_secret,
                              uint64_t read_sequence, uint64_t write_sequence,
                              uint64_t limit) MUST_CHECK;
// The same for a caller that already has the keys and IVs of the secrets.
struct record_keys {
    const uint8_t *secret;
    const uint8_t *key;
    const uint8_t *iv;
};
enum result record_layer_init_with_keys(struct record_layer *layer, uint16_t suite,
                                        const struct record_keys *read,
                                        const struct record_keys *write, uint64_t read_sequence,
                                        uint64_t write_sequence, uint64_t limit) MUST_CHECK;
// Overwrites all secrets. The layer then opens and seals nothing.
void record_layer_wipe(struct record_layer *layer);

// Reads the header of the first record in data[0..size). The version is ignored (5.1), but it is
// authenticated later.
//   record_size  out: bytes of the whole record; 0: the header is not complete
//   ERROR   a type other than application_data, or a length over RECORD_BODY_MAX; send layer->alert
//   EOF     close_notify was received; ignore all bytes behind it (6.1)
enum result record_measure(struct record_layer *layer, const uint8_t *data, size_t size,
                           size_t *record_size) MUST_CHECK;

// Opens one record in place.
//   data     [size] bytes: exactly one whole record
//   payload  out; points into `data`
//   ERROR    send layer->alert and close; every later call returns ERROR, too
//   EOF      as for record_measure()
enum result record_open(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                        size_t size, enum record_event *event, uint8_t **payload,
                        size_t *payload_size) MUST_CHECK;

// Opens one record in place and returns its content unchecked, for the handshake.
//   data   [size] bytes: one whole record with a length that record_measure() accepts
//   type   out: the inner content type; 0: none
//   EOF    the record is not authentic; its bytes are overwritten, the layer is unchanged
//   ERROR  as for record_open()
enum result record_reveal(struct record_layer *layer, struct record_engine *engine, uint8_t *data,
                          size_t size, uint8_t *type, uint8_t **content,
                          size_t *content_size) MUST_CHECK;

// Encrypts one record in place (RFC 8446 5.2).
//   type         application data, or handshake, but not for a KeyUpdate
//   payload      [size + 1] bytes, size <= RECORD_PAYLOAD_MAX; payload[size] is overwritten by the
//                inner content type
//   header, tag  out; may be adjacent to the payload, so that the record is contiguous
//   AGAIN        nothing done; send record_seal_key_update() first
//   ERROR        the layer failed or is closed for writing, or wrong arguments
enum result record_seal(struct record_layer *layer, struct record_engine *engine,
                        enum record_type type, uint8_t *payload, size_t size,
                        uint8_t header[RECORD_HEADER_SIZE],
                        uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// The same for the next piece of a handshake message whose beginning is in the record before. The
// piece may begin with any byte.
enum result record_seal_piece(struct record_layer *layer, struct record_engine *engine,
                              uint8_t *payload, size_t size, uint8_t header[RECORD_HEADER_SIZE],
                              uint8_t tag[RECORD_TAG_SIZE]) MUST_CHECK;

// True if a KeyUpdate must be sent before the next application data. Send it soon even without
// data: the client may wait for it, and it asks a client whose key is half used to update, too.
static inline bool record_wants_key_update(const struct record_layer *layer) {
    return !layer->failed && !layer->closed_write &&
           (layer->key_update_due || layer->write.sequence >= layer->write.limit);
}
#define RECORD_KEY_UPDATE_SIZE (RECORD_OVERHEAD + 5)
// Writes a sealed KeyUpdate and replaces the write key. The KeyUpdate has update_requested if the
// read key is half used, else update_not_requested.
enum result record_seal_key_update(struct record_layer *layer, struct record_engine *engine,
                                   uint8_t output[RECORD_KEY_UPDATE_SIZE]) MUST_CHECK;

#define RECORD_ALERT_SIZE (RECORD_OVERHEAD + 2)
// Writes a sealed alert: close_notify is a warning, every other alert is fatal. Then the layer
// seals nothing, and after a fatal alert it opens nothing. RESULT_EOF: an alert was sealed before,
// or the client sent a fatal alert; nothing is written.
enum result record_seal_alert(struct record_layer *layer, struct record_engine *engine,
                              uint8_t alert, uint8_t output[RECORD_ALERT_SIZE]) MUST_CHECK;

#endif
