// Addresses as text and as sockaddr, and the non-blocking socket calls that several layers share.
// All descriptors made here are close-on-exec and non-blocking, and belong to the caller. No name
// look-up.
#ifndef RAVELIN_BASE_SOCKET_H
#define RAVELIN_BASE_SOCKET_H

#include "base/result.h"
#include "base/slice.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un unix_path;
    } as;
    socklen_t size;
};

#define ADDRESS_TEXT_SIZE 128 // "unix:" + 108, or "[v6]:port"

// Reads "1.2.3.4:80", "[::1]:80" or "unix:/path". The port is decimal, 0 to 65535; the caller
// decides whether 0 is allowed. A unix path is absolute and fits sun_path. RESULT_ERROR: *why is a
// short static text ("no port", "not an IPv4 address", ...).
enum result address_parse(struct slice text, struct address *address, const char **why) MUST_CHECK;
// Writes host and port, or "unix:/path", with a NUL. Equal addresses give equal texts, and
// address_parse() reads them.
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
// Writes the host alone, without port or brackets ("1.2.3.4", "::1", "unix:"), for X-Forwarded-For
// and logs.
void address_format_host(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
uint16_t address_port(const struct address *address); // 0 for unix
bool address_equal(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *address); // 127.0.0.0/8 or ::1; false for unix

// A listening TCP socket with SO_REUSEADDR and SO_REUSEPORT (IPV6_V6ONLY for v6), or -1 with errno.
// Its connections send small writes at once (TCP_NODELAY), and take no more while 256 KiB have not
// been sent on (TCP_NOTSENT_LOWAT). A unix address fails with EAFNOSUPPORT.
int socket_listen(const struct address *address, int queue_length);
// The same socket before it listens: connections are refused until listen().
int socket_bind(const struct address *address);
// True if the socket, TCP or unix, still listens. shutdown() in any process that shares the socket
// ends that.
bool socket_is_listening(int fd);
// Removes from a listening socket what a process that shared it may have set: filters, a program
// that distributes connections between the sockets of an address, and flags and options that
// socket_listen() does not set. The socket may be in use.
void socket_reset_listening(int fd);
enum connect_state {
    CONNECT_DONE,
    CONNECT_PENDING,    // done when the descriptor is writable and socket_error() returns 0
    CONNECT_QUEUE_FULL, // unix only; no event follows: call socket_connect_again() later
};

// Begins a connection. Returns the descriptor, or -1 with errno. A connection to a loopback address
// gets a congestion control without pacing: no packet is lost for lack of room within a machine,
// and pacing, as of BBR, costs a timer for each packet. The kernel holds about 1 MiB of it that was
// not read. As a rule it is done at once.
int socket_connect(const struct address *address, enum connect_state *state);
// After CONNECT_QUEUE_FULL. RESULT_ERROR, with errno: the caller must close the descriptor.
enum result socket_connect_again(int fd, const struct address *address,
                                 enum connect_state *state) MUST_CHECK;
int socket_error(int fd); // SO_ERROR: 0 or an errno value
// Makes small writes leave at once (TCP_NODELAY). Does nothing to a unix socket.
void socket_set_nodelay(int fd);
// Acknowledges received bytes at once. Otherwise the kernel waits for data to send with the
// acknowledgement, and a client with Nagle's algorithm waits as long before its next small write.
void socket_acknowledge(int fd);
// Sends the parts in one call, as far as the socket accepts them. Returns the number of bytes sent,
// or -1 with errno. A broken connection is EPIPE, never a signal.
ssize_t socket_send(int fd, struct iovec *parts, size_t count);
// The socket takes no more while so many bytes have not been sent on. Best effort.
void socket_limit_unsent(int fd, uint32_t size);
// Makes the socket readable only when so many bytes have come, or the end of the connection, or an
// error (SO_RCVLOWAT). 1: any byte. Best effort.
void socket_set_low_water(int fd, uint32_t size);
// How many bytes the other end of a TCP connection has acknowledged since the start. The kernel may
// hold more that were sent. 0: unknown.
uint64_t socket_acknowledged(int fd);
// The shortest round trip of a TCP connection in the last minutes, in microseconds. 0: unknown.
int64_t socket_round_trip_us(int fd);

#endif
