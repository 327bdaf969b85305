// Addresses and sockets: text to sockaddr and back, and the few non-blocking socket calls that
// several layers share. All descriptors made here are close-on-exec and non-blocking.
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

// "1.2.3.4:80", "[::1]:80", "unix:/path". Numeric addresses only, no name look-up; the port is 0 to
// 65535 in decimal (whether 0 makes sense is the caller's to say); a unix path is absolute and fits
// sun_path. On failure *why is a short static text ("no port", "not an IPv4 address", ...).
enum result address_parse(struct slice text, struct address *address, const char **why) MUST_CHECK;
// Host and port as text; for a unix address "unix:/path". Always NUL-terminated. Equal addresses
// give equal texts, and address_parse() reads them back.
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
// The host part alone, without port or brackets ("1.2.3.4", "::1", "unix:"), for X-Forwarded-For
// and logs.
void address_format_host(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
uint16_t address_port(const struct address *address); // 0 for unix
bool address_equal(const struct address *a, const struct address *b);

// A listening TCP socket with SO_REUSEADDR and SO_REUSEPORT (IPV6_V6ONLY for v6), or -1 with errno.
// On the connections it accepts small writes leave at once.
// A unix address is refused with EAFNOSUPPORT.
int socket_listen(const struct address *address, int queue_length);
// Whether it still listens: shutdown() on any descriptor of a listening socket ends that, for all.
bool socket_is_listening(int fd);
// Takes from a listening socket what a process that shared it may have left: filters, a program
// that steers connections between the sockets of an address, and other flags and options than those
// of socket_listen().
void socket_reset_listening(int fd);
enum connect_state {
    CONNECT_DONE,
    CONNECT_PENDING,    // complete if the descriptor becomes writable and socket_error() returns 0
    CONNECT_QUEUE_FULL, // of a unix server; nothing tells when: call socket_connect_again() later
};

// Begins a connection. Returns the descriptor, or -1 with errno. Within this machine (a loopback
// address) nothing is lost for want of room on the way: whatever congestion control the system has,
// such a connection has none that spreads packets over time, as BBR does at the cost of a timer for
// each.
int socket_connect(const struct address *address, enum connect_state *state);
// After CONNECT_QUEUE_FULL. RESULT_ERROR: errno says why, and the descriptor is of no more use.
enum result socket_connect_again(int fd, const struct address *address,
                                 enum connect_state *state) MUST_CHECK;
int socket_error(int fd); // SO_ERROR: 0 or an errno value
// Small writes leave at once. Does nothing on a unix socket.
void socket_set_nodelay(int fd);
// Acknowledges at once what has come. The kernel would wait a while for something to send it along
// with; and a client whose small writes wait for that (Nagle's algorithm) would wait as long.
void socket_acknowledge(int fd);
// Sends all parts in one call, as far as the socket takes them. Like send(): the bytes sent, or -1
// with errno; a broken connection is EPIPE, never a signal.
ssize_t socket_send(int fd, struct iovec *parts, size_t count);
// How many bytes the peer of a TCP connection has acknowledged, ever: what got through, unlike what
// the kernel took to send. 0 when it does not say.
uint64_t socket_acknowledged(int fd);

#endif
