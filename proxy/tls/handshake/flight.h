// A client's flight: all records from its first byte to its Finished (RFC 8446 4, 5, 4.2.10, D.4).
// This module is between the received bytes and wolfSSL.
//
// It reads, opens and checks the records, and passes whole handshake messages to wolfSSL in records
// of its own. wolfSSL therefore never sees the client's fragmentation, padding, change_cipher_spec
// records or early data. A wrong record gets the alert that RFC 8446 requires.
//
// A ClientHello goes to the handshake, which feeds wolfSSL another message (hello_write()).
// Protected messages are opened with the client's handshake keys, and sealed again, unchanged, for
// wolfSSL: with the same keys and with separate sequence numbers. These records never leave the
// process.
//
// No I/O. Owner: the handshake. Bounds, in bytes: HELLO_SIZE_MAX for a hello, FLIGHT_MESSAGE_MAX
// for other messages, FLIGHT_EARLY_DATA_MAX for early data. FLIGHT_IDLE_MAX records without
// meaning.
#ifndef RAVELIN_TLS_HANDSHAKE_FLIGHT_H
#define RAVELIN_TLS_HANDSHAKE_FLIGHT_H

#include "base/buffer.h"
#include "base/slice.h"
#include "tls/handshake/hello.h"
#include "tls/handshake/refusal.h"
#include "tls/record/record.h"

#include <stdbool.h>
#include <stdint.h>

#define FLIGHT_MESSAGE_MAX 65536 // wolfSSL's own bound is a little larger
// Bytes of records that are skipped as early data. Ravelin never accepts early data (4.2.10).
#define FLIGHT_EARLY_DATA_MAX 65536
// change_cipher_spec records and user_canceled alerts in a handshake.
#define FLIGHT_IDLE_MAX 32

enum flight_state {
    FLIGHT_HELLO,        // waits for the first ClientHello
    FLIGHT_SECOND_HELLO, // waits for the ClientHello after a HelloRetryRequest
    FLIGHT_PROTECTED,    // waits for Finished; records have the client's handshake keys
    FLIGHT_DONE,         // Finished was received
};

struct flight {
    enum flight_state state;
    bool begun;             // a record was read
    bool certificate_asked; // the client must send a Certificate, which may be empty
    bool certificate_shown; // the client sent a Certificate that is not empty
    uint16_t proof_scheme;  // scheme in CertificateVerify; 0: not received
    bool opened;            // a protected record was opened
    uint8_t last_type;      // of the last protected message; 0: none
    unsigned idle_records;  // records without meaning so far
    size_t early_data_left; // bytes that may still be skipped; 0: not offered, or it has ended
    struct buffer message;  // a message that is not whole yet, with its header
    struct buffer feed;     // records for wolfSSL
    struct record_layer records;
    struct refusal refusal; // after RESULT_ERROR
};

void flight_init(struct flight *flight);
void flight_free(struct flight *flight);

// Reads records. Protected records are opened in place.
//   data   [size] bytes, as received
//   used   out: bytes that were read
//   OK     before flight_protect(): a whole ClientHello, see flight_hello(); then: records in feed
//   AGAIN  call again with more bytes
//   ERROR  refused; see flight->refusal
enum result flight_read(struct flight *flight, struct record_engine *engine, uint8_t *data,
                        size_t size, size_t *used) MUST_CHECK;

// The received ClientHello, without its header.
struct slice flight_hello(const struct flight *flight);
// Moves the received ClientHello, with its header, to `kept`, which must be empty.
void flight_take_hello(struct flight *flight, struct buffer *kept);
// Feeds wolfSSL a message, with its header, in the clear. False: memory is short.
bool flight_feed(struct flight *flight, struct slice message) MUST_CHECK;
// Call it if the hello offered early data: the records will be skipped.
void flight_skip_early_data(struct flight *flight);
// Call it after a HelloRetryRequest was sent.
void flight_expect_hello(struct flight *flight);
// Call it after ServerHello was sent: records now have the keys of the client's handshake traffic
// secret. RESULT_ERROR: unknown suite, or the library failed.
enum result flight_protect(struct flight *flight, uint16_t suite, const uint8_t *secret,
                           bool certificate_asked) MUST_CHECK;

#endif
