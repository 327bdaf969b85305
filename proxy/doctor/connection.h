// One TCP connection of the doctor: blocking, with an end. However the other side behaves, every
// call returns by the connection's deadline, and no more than `budget` bytes are ever taken.
//
// And who is to be looked at: HOST:PORT as text, looked up and connected to.
#ifndef RAVELIN_DOCTOR_CONNECTION_H
#define RAVELIN_DOCTOR_CONNECTION_H

#include "base/result.h"
#include "base/slice.h"
#include "base/socket.h"

#include <stdbool.h>
#include <stdint.h>

#define TARGET_HOST_SIZE 256
#define TARGET_ADDRESSES_MAX 8
#define CONNECTION_ERROR_SIZE 160

struct target {
    char host[TARGET_HOST_SIZE]; // as given, without brackets
    char port[6];
    bool host_is_address;                 // numeric
    char name[TARGET_HOST_SIZE];          // SNI and certificate; empty: an address without a name
    char authority[TARGET_HOST_SIZE + 8]; // for Host: with the port when it is not 443
    struct address addresses[TARGET_ADDRESSES_MAX];
    size_t address_count;
};

struct connection {
    int fd;
    int64_t deadline_us;
    size_t budget;
};

// "example.com", "example.com:8443", "1.2.3.4:443", "[::1]:443"; the port is 443 when it is left
// out. NULL, or a static text that says what is wrong. Nothing is looked up.
const char *target_parse(const char *text, struct target *target);
// Looks the host up, for as long as the system's resolver takes. RESULT_ERROR: `error` says why.
enum result target_resolve(struct target *target, char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;

// Connects; RESULT_ERROR: `error` says why, and nothing is left to close. The whole connection must
// be over by deadline_us (monotonic).
enum result connection_open(struct connection *connection, const struct address *address,
                            int64_t deadline_us, size_t budget,
                            char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;
void connection_close(struct connection *connection);

// RESULT_AGAIN: out of time. RESULT_ERROR: broken.
enum result connection_send(struct connection *connection, struct slice data) MUST_CHECK;
// RESULT_OK: *size > 0 bytes came. RESULT_EOF: the other side ended. RESULT_AGAIN: out of time, or
// of budget. RESULT_ERROR: reset.
enum result connection_receive(struct connection *connection, void *data, size_t capacity,
                               size_t *size) MUST_CHECK;
// Nothing more will be sent.
void connection_end_sending(struct connection *connection);

#endif
