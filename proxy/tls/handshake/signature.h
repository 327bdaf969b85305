// The messages between a worker and its signer, on a SOCK_SEQPACKET socket pair. A datagram has 1
// to SIGN_BATCH_MAX requests, or as many responses. Each request gets one response with the same
// number, in any datagram.
//
// A signer signs for the process at the other end of its pair, with the key that an id names, and
// does nothing else. Both sides check the size of a datagram before they read a field.
#ifndef RAVELIN_TLS_HANDSHAKE_SIGNATURE_H
#define RAVELIN_TLS_HANDSHAKE_SIGNATURE_H

#include <stdint.h>

#define KEY_ID_SIZE 32
// A hash, or for Ed25519 the whole content of CertificateVerify (at most 64 + 33 + 1 + 48 bytes).
#define SIGN_DATA_MAX 256
#define SIGNATURE_SIZE_MAX 512 // RSA-4096
#define SIGN_BATCH_MAX 8

enum sign_scheme {
    SIGN_ECDSA = 1,   // data is a hash
    SIGN_RSA_PSS = 2, // data is a hash made with `hash`
    SIGN_ED25519 = 3, // data is the message
};

enum sign_hash {
    SIGN_HASH_NONE = 0,
    SIGN_HASH_SHA256 = 1,
    SIGN_HASH_SHA384 = 2,
    SIGN_HASH_SHA512 = 3
};

struct sign_request {
    uint64_t number; // of the request
    uint8_t key_id[KEY_ID_SIZE];
    uint8_t scheme;
    uint8_t hash;
    uint16_t data_size;
    uint8_t data[SIGN_DATA_MAX];
};

struct sign_response {
    uint64_t number;
    uint16_t signature_size; // 0: the signer refused
    uint8_t signature[SIGNATURE_SIZE_MAX];
};

// The id of a key: its generation, and 24 bytes of a hash of its path.
void signature_key_id(uint64_t generation, const char *key_path, uint8_t id[KEY_ID_SIZE]);

#endif
