#include "http/websocket.h"

#include "base/base64.h"

void websocket_write_key(const uint8_t nonce[WEBSOCKET_NONCE_SIZE], char key[WEBSOCKET_KEY_SIZE]) {
    base64_write(nonce, WEBSOCKET_NONCE_SIZE, key);
}

// --- SHA-1 (RFC 3174 6.1), which wolfSSL is built without ---

enum { STATE_WORDS = 5, DIGEST_SIZE = 20, BLOCK_SIZE = 64, ROUNDS = 80 };

static uint32_t rotate(uint32_t word, unsigned bits) {
    return word << bits | word >> (32 - bits);
}

static void add_block(uint32_t state[STATE_WORDS], const uint8_t block[BLOCK_SIZE]) {
    uint32_t words[ROUNDS];
    for (size_t i = 0; i < 16; i++) {
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (size_t i = 16; i < ROUNDS; i++) {
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (size_t i = 0; i < ROUNDS; i++) {
        static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
        uint32_t choice = i < 20   ? (b & c) | (~b & d)
                          : i < 40 ? b ^ c ^ d
                          : i < 60 ? (b & c) | (b & d) | (c & d)
                                   : b ^ c ^ d;
        uint32_t next = rotate(a, 5) + choice + e + words[i] + constants[i / 20];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

_Static_assert(BASE64_SIZE(WEBSOCKET_NONCE_SIZE) == WEBSOCKET_KEY_SIZE &&
                   BASE64_SIZE(DIGEST_SIZE) == WEBSOCKET_ACCEPT_SIZE,
               "sizes of texts");

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 1.3
enum { INPUT_SIZE = WEBSOCKET_KEY_SIZE + sizeof(GUID) - 1 };

void websocket_write_accept(struct slice key, char accept[WEBSOCKET_ACCEPT_SIZE]) {
    uint32_t state[STATE_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t blocks[2 * BLOCK_SIZE] = {0};
    uint8_t digest[DIGEST_SIZE];
    memcpy(blocks, key.data, WEBSOCKET_KEY_SIZE);
    memcpy(blocks + WEBSOCKET_KEY_SIZE, GUID, sizeof(GUID) - 1);
    blocks[INPUT_SIZE] = 0x80;
    blocks[sizeof blocks - 2] = INPUT_SIZE * 8 >> 8; // in bits
    blocks[sizeof blocks - 1] = INPUT_SIZE * 8 & 0xff;
    add_block(state, blocks);
    add_block(state, blocks + BLOCK_SIZE);
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    base64_write(digest, DIGEST_SIZE, accept);
}

_Static_assert(INPUT_SIZE + 1 + 8 > BLOCK_SIZE && INPUT_SIZE + 1 + 8 <= 2 * BLOCK_SIZE,
               "two blocks");

// --- the response ---

static bool accepts(const struct http_response *response, struct slice key) {
    char accept[WEBSOCKET_ACCEPT_SIZE];
    uint32_t count = 0;
    bool right = true;
    if (key.size != WEBSOCKET_KEY_SIZE) {
        return false;
    }
    websocket_write_accept(key, accept);
    for (uint32_t i = 0; i < response->fields->count; i++) {
        const struct http_field *field = &response->fields->items[i];
        if (slice_equal_nocase(field->name, SLICE("sec-websocket-accept"))) {
            count++;
            right = right && slice_equal(field->value, (struct slice){accept, sizeof accept});
        }
    }
    return right && count == 1;
}

const char *websocket_judge(const struct http_response *response, struct slice key) {
    if (response->status == 101) {
        return accepts(response, key) ? NULL : "101 without the right Sec-WebSocket-Accept";
    }
    return response->status / 100 == 2 ? WEBSOCKET_NOT_OPENED : NULL;
}
