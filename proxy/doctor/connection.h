// One TCP connection of the doctor. Calls block, but return at the connection's deadline, for every
// behaviour of the server. At most `budget` bytes are received.
//
// Also the target of an audit: parses HOST:PORT, and looks up its addresses.
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
    char host[TARGET_HOST_SIZE]; // as written, without brackets
    char port[6];
    bool host_is_address;        // the host is an IP address
    char name[TARGET_HOST_SIZE]; // for SNI and certificate; empty: an address without a name
    char authority[TARGET_HOST_SIZE + 8]; // for Host: with the port if it is not 443
    struct address addresses[TARGET_ADDRESSES_MAX];
    size_t address_count;
};

struct connection {
    int fd;
    int64_t deadline_us;
    size_t budget;
};

// Parses "example.com", "example.com:8443", "1.2.3.4:443", "[::1]:443". The default port is 443.
// Looks up nothing. Returns NULL, or a static text with the problem.
const char *target_parse(const char *text, struct target *target);
// Looks up the host. Waits as long as the system's resolver. RESULT_ERROR: `error` has the reason.
enum result target_resolve(struct target *target, char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;

// Connects. The whole connection must end by deadline_us (monotonic). RESULT_ERROR: `error` has the
// reason, and nothing needs to be closed.
enum result connection_open(struct connection *connection, const struct address *address,
                            int64_t deadline_us, size_t budget,
                            char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;
void connection_close(struct connection *connection);

// RESULT_AGAIN: the deadline has passed. RESULT_ERROR: the connection broke.
enum result connection_send(struct connection *connection, struct slice data) MUST_CHECK;
// RESULT_OK: *size > 0 bytes were received. RESULT_EOF: the server has ended. RESULT_AGAIN: the
// deadline has passed, or the budget is used up. RESULT_ERROR: reset.
enum result connection_receive(struct connection *connection, void *data, size_t capacity,
                               size_t *size) MUST_CHECK;
// Ends the sending direction.
void connection_end_sending(struct connection *connection);

#endif
