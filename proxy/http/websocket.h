// The opening handshake of WebSocket in HTTP/1.1 (RFC 6455 4). Ravelin is its client if an HTTP/2
// client asks for a WebSocket (RFC 8441). No I/O, no allocation.
#ifndef RAVELIN_HTTP_WEBSOCKET_H
#define RAVELIN_HTTP_WEBSOCKET_H

#include "http/parse.h"

#include <stdint.h>

#define WEBSOCKET_NONCE_SIZE 16
#define WEBSOCKET_KEY_SIZE 24    // size of Sec-WebSocket-Key: the nonce in base64
#define WEBSOCKET_ACCEPT_SIZE 28 // size of Sec-WebSocket-Accept

// Writes a Sec-WebSocket-Key.
void websocket_write_key(const uint8_t nonce[WEBSOCKET_NONCE_SIZE], char key[WEBSOCKET_KEY_SIZE]);

// Writes the Sec-WebSocket-Accept that a server must send for a key of WEBSOCKET_KEY_SIZE bytes.
// Its SHA-1 shows only that the server speaks WebSocket. It secures nothing.
void websocket_write_accept(struct slice key, char accept[WEBSOCKET_ACCEPT_SIZE]);

// Fault of a 2xx in place of a 101.
#define WEBSOCKET_NOT_OPENED "a response that opens no WebSocket"

// Checks the response to a handshake with this key. An HTTP/2 client takes each 2xx for an open
// WebSocket. It cannot verify a 101, because it has neither the key nor Sec-WebSocket-Accept.
//   NULL  a 101 with exactly one Sec-WebSocket-Accept, which matches the key; or no 2xx
//   text  static: why the response must not reach the client
const char *websocket_judge(const struct http_response *response, struct slice key);

#endif
