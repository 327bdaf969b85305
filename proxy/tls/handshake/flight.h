// Everything a client sends from its first byte to its Finished, record by record (RFC 8446 4, 5,
// 4.2.10, D.4): what stands between the received bytes and the TLS library.
//
// Records are framed, opened and judged here, and whole handshake messages are handed on in records
// of our own making: the library never sees a record a client made. So it does not matter to it how
// a message was cut up, padded or mixed with change_cipher_spec records and early data, and each
// thing that is out of place gets the alert RFC 8446 asks for.
//
// A ClientHello is handed to the handshake, which tells what to feed the library instead. The
// protected messages are opened with the client's handshake keys, and sealed again, unchanged, for
// the library under the same keys, with sequence numbers of their own; what is so sealed never
// leaves the process.
//
// No I/O: bytes in, messages out. Owner: the handshake. Bounded: HELLO_SIZE_MAX of a hello,
// FLIGHT_MESSAGE_MAX of other messages, FLIGHT_EARLY_DATA_MAX of early data, FLIGHT_IDLE_MAX of
// records that mean nothing.
#ifndef RAVELIN_TLS_HANDSHAKE_FLIGHT_H
#define RAVELIN_TLS_HANDSHAKE_FLIGHT_H

#include "base/buffer.h"
#include "base/slice.h"
#include "tls/handshake/hello.h"
#include "tls/handshake/refusal.h"
#include "tls/record/record.h"

#include <stdbool.h>
#include <stdint.h>

#define FLIGHT_MESSAGE_MAX 65536 // the library's own bound is a little larger
// Bytes of records that are skipped as early data, which we never accept (4.2.10).
#define FLIGHT_EARLY_DATA_MAX 65536
// change_cipher_spec records and user_canceled alerts in a handshake.
#define FLIGHT_IDLE_MAX 32

enum flight_state {
    FLIGHT_HELLO,        // the first ClientHello is to come
    FLIGHT_SECOND_HELLO, // the one that answers a HelloRetryRequest
    FLIGHT_PROTECTED,    // everything up to Finished, under the client's handshake keys
    FLIGHT_DONE,         // Finished came
};

struct flight {
    enum flight_state state;
    bool begun;             // a record was taken
    bool certificate_asked; // the client must send a Certificate, perhaps an empty one
    bool certificate_shown; // and sent one that is not empty
    uint16_t proof_scheme;  // with which its CertificateVerify says it is signed; 0: none came
    bool opened;            // a protected record was opened
    uint8_t last_type;      // of the protected messages so far; 0: none
    unsigned idle_records;
    size_t early_data_left; // bytes that may still be skipped; 0: none was offered, or it is over
    struct buffer message;  // a message while it is gathered, with its header
    struct buffer feed;     // records for the library
    struct record_layer records;
    struct refusal refusal; // after RESULT_ERROR
};

void flight_init(struct flight *flight);
void flight_free(struct flight *flight);

// Takes records off data[0..size); *used tells how many bytes. Protected ones are opened in place.
// RESULT_OK: there is something to do: before the keys a whole ClientHello, see flight_hello(),
// then messages in flight->feed. RESULT_AGAIN: more must arrive. RESULT_ERROR: refused.
enum result flight_read(struct flight *flight, struct record_engine *engine, uint8_t *data,
                        size_t size, size_t *used) MUST_CHECK;

// The ClientHello that came, without its header.
struct slice flight_hello(const struct flight *flight);
// Takes it away: its bytes, with the header, move to `kept`, which must be empty.
void flight_take_hello(struct flight *flight, struct buffer *kept);
// Feeds the library a message, with its header, in the clear. False: memory is short.
bool flight_feed(struct flight *flight, struct slice message) MUST_CHECK;
// The hello offered early data: it will be skipped.
void flight_skip_early_data(struct flight *flight);
// A HelloRetryRequest was sent.
void flight_expect_hello(struct flight *flight);
// ServerHello was sent: from now on the client's handshake traffic secret protects. RESULT_ERROR:
// an unknown suite, or the library failed.
enum result flight_protect(struct flight *flight, uint16_t suite, const uint8_t *secret,
                           bool certificate_asked) MUST_CHECK;

#endif
