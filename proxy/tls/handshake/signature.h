// What a worker asks of its signer, and the answers, on their SOCK_SEQPACKET pair: a datagram holds
// 1 to SIGN_BATCH_MAX requests, or as many answers. Each request gets one answer, in whichever
// datagram; the number tells which request it is for.
//
// A signer signs for whoever holds the other end of its pair, with a key named by its id, and does
// nothing else. Both sides check the size of what they receive against these structs before reading
// a field.
#ifndef RAVELIN_TLS_HANDSHAKE_SIGNATURE_H
#define RAVELIN_TLS_HANDSHAKE_SIGNATURE_H

#include <stdint.h>

#define KEY_ID_SIZE 32
#define SIGN_DATA_MAX                                                                              \
    256 // a hash, or for Ed25519 the whole CertificateVerify content (at most 64+33+1+48 bytes)
#define SIGNATURE_SIZE_MAX 512 // RSA-4096
#define SIGN_BATCH_MAX 8

enum sign_scheme {
    SIGN_ECDSA = 1,   // data is a hash
    SIGN_RSA_PSS = 2, // data is a hash; `hash` says which
    SIGN_ED25519 = 3, // data is the message
};

enum sign_hash {
    SIGN_HASH_NONE = 0,
    SIGN_HASH_SHA256 = 1,
    SIGN_HASH_SHA384 = 2,
    SIGN_HASH_SHA512 = 3
};

struct sign_request {
    uint64_t number; // of the handshake that waits
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

// The id of a key: it is told apart by the generation it was loaded with and the path it was read
// from.
void signature_key_id(uint64_t generation, const char *key_path, uint8_t id[KEY_ID_SIZE]);

#endif
