// The transcript of the handshake, where it differs from wolfSSL's.
//
// wolfSSL reads the ClientHello of hello_write(), but both sides sign and prove the hash of the
// client's own bytes (RFC 8446 4.4.1). So the linker redirects wolfSSL's calls of two of its
// internal functions, which hash a ClientHello, to the functions below (--wrap in the Makefile). If
// another version of wolfSSL did not have these functions, no handshake would work.
#include "tls/handshake/handshake_internal.h"

#include <wolfssl/wolfcrypt/error-crypt.h>

enum { MESSAGE_HEADER_SIZE = 4 };

int __real_HashInput(WOLFSSL *ssl, const unsigned char *input, int size);
int __real_HashRaw(WOLFSSL *ssl, const unsigned char *data, int size);
int __wrap_HashInput(WOLFSSL *ssl, const unsigned char *input, int size);
int __wrap_HashRaw(WOLFSSL *ssl, const unsigned char *data, int size);

// NULL: wolfSSL does not handle a hello of a client of Ravelin now. This program has other servers,
// in rehearsal.h; only handshake_bind() sets this pointer.
static struct transcript *transcript_of(WOLFSSL *ssl) {
    struct handshake *handshake = wolfSSL_is_server(ssl) ? wolfSSL_GetEccSignCtx(ssl) : NULL;
    return handshake == NULL || handshake->flight.state >= FLIGHT_PROTECTED
               ? NULL
               : &handshake->transcript;
}

// `input`: a message without its header, which is before it in memory and is hashed, too. `size`:
// the whole hello, or all except the binders at its end, if a PSK is to be proven (4.2.11.2). A
// hello is hashed once. Any other call makes the handshake fail.
int __wrap_HashInput(WOLFSSL *ssl, const unsigned char *input, int size) {
    struct transcript *transcript = transcript_of(ssl);
    if (transcript == NULL) {
        return __real_HashInput(ssl, input, size);
    }
    struct slice hello = transcript->message;
    size_t left_out = transcript->library_size - (size_t)size;
    if (transcript->hashed || (left_out != 0 && left_out != transcript->library_binders_size)) {
        return BAD_STATE_E;
    }
    transcript->hashed = true;
    transcript->binders_due = left_out != 0;
    if (transcript->binders_due) {
        hello.size -= transcript->binders_size;
    }
    return __real_HashInput(ssl, (const unsigned char *)hello.data + MESSAGE_HEADER_SIZE,
                            (int)(hello.size - MESSAGE_HEADER_SIZE));
}

// The binders follow when the PSK is proven. Nothing else may follow.
int __wrap_HashRaw(WOLFSSL *ssl, const unsigned char *data, int size) {
    struct transcript *transcript = transcript_of(ssl);
    if (transcript == NULL || !transcript->binders_due) {
        return __real_HashRaw(ssl, data, size);
    }
    if ((size_t)size != transcript->library_binders_size) {
        return BAD_STATE_E;
    }
    transcript->binders_due = false;
    struct slice hello = transcript->message;
    return __real_HashRaw(
        ssl, (const unsigned char *)hello.data + (hello.size - transcript->binders_size),
        (int)transcript->binders_size);
}
