#include "base/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/socket.h>
#include <linux/tcp.h> // the C library's tcp_info ends too early
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define UNIX_PREFIX_SIZE (sizeof(UNIX_PREFIX) - 1)
#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

static bool parse_port(struct slice text, in_port_t *port) {
    unsigned value = 0;
    if (text.size == 0 || text.size > 5) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *port = htons((uint16_t)value);
    return value <= UINT16_MAX;
}

// inet_pton() for a slice.
static bool parse_host(int family, struct slice text, void *host) {
    char copy[INET6_ADDRSTRLEN];
    if (text.size >= sizeof(copy) || memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return inet_pton(family, copy, host) == 1;
}

// Returns NULL, or the problem; so do the next two functions.
static const char *parse_unix(struct slice path, struct address *address) {
    if (path.size == 0 || path.data[0] != '/') {
        return "a unix path must be absolute";
    }
    if (path.size >= sizeof(address->as.unix_path.sun_path)) {
        return "a unix path is at most 107 bytes long";
    }
    if (memchr(path.data, '\0', path.size) != NULL) {
        return "NUL in a unix path";
    }
    address->as.unix_path.sun_family = AF_UNIX;
    memcpy(address->as.unix_path.sun_path, path.data, path.size);
    address->size = (socklen_t)(UNIX_PATH_OFFSET + path.size + 1);
    return NULL;
}

static const char *parse_v6(struct slice host, struct slice port, struct address *address) {
    address->as.v6.sin6_family = AF_INET6;
    address->size = sizeof(address->as.v6);
    if (!parse_host(AF_INET6, host, &address->as.v6.sin6_addr)) {
        return "not an IPv6 address between the brackets";
    }
    return parse_port(port, &address->as.v6.sin6_port) ? NULL : "the port is not 0 to 65535";
}

static const char *parse_v4(struct slice host, struct slice port, struct address *address) {
    if (memchr(host.data, ':', host.size) != NULL) {
        return "an IPv6 address must be in brackets";
    }
    address->as.v4.sin_family = AF_INET;
    address->size = sizeof(address->as.v4);
    if (!parse_host(AF_INET, host, &address->as.v4.sin_addr)) {
        return "not an IPv4 address";
    }
    return parse_port(port, &address->as.v4.sin_port) ? NULL : "the port is not 0 to 65535";
}

static const char *parse(struct slice text, struct address *address) {
    if (text.size == 0) {
        return "no address";
    }
    if (text.size >= UNIX_PREFIX_SIZE && memcmp(text.data, UNIX_PREFIX, UNIX_PREFIX_SIZE) == 0) {
        struct slice path = {text.data + UNIX_PREFIX_SIZE, text.size - UNIX_PREFIX_SIZE};
        return parse_unix(path, address);
    }
    bool bracketed = text.data[0] == '[';
    const char *bracket = bracketed ? memchr(text.data, ']', text.size) : NULL;
    if (bracketed && bracket == NULL) {
        return "no closing bracket";
    }
    const char *colon = bracketed ? bracket + 1 : memrchr(text.data, ':', text.size);
    if (colon == NULL || colon == text.data + text.size || *colon != ':') {
        return "no port";
    }
    struct slice port = {colon + 1, (size_t)(text.data + text.size - colon - 1)};
    if (bracketed) {
        struct slice host = {text.data + 1, (size_t)(bracket - text.data - 1)};
        return parse_v6(host, port, address);
    }
    struct slice host = {text.data, (size_t)(colon - text.data)};
    return parse_v4(host, port, address);
}

enum result address_parse(struct slice text, struct address *address, const char **why) {
    memset(address, 0, sizeof(*address));
    *why = parse(text, address);
    return *why == NULL ? RESULT_OK : RESULT_ERROR;
}

void address_format_host(const struct address *address, char text[ADDRESS_TEXT_SIZE]) {
    const void *host = &address->as.v6.sin6_addr;
    switch (address->as.any.sa_family) {
    case AF_INET:
        host = &address->as.v4.sin_addr;
        // fall through
    case AF_INET6:
        (void)inet_ntop(address->as.any.sa_family, host, text, ADDRESS_TEXT_SIZE);
        return;
    default:
        (void)snprintf(text, ADDRESS_TEXT_SIZE, "%s", UNIX_PREFIX);
    }
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]) {
    if (address->as.any.sa_family != AF_INET && address->as.any.sa_family != AF_INET6) {
        // A client's unix address can be unnamed: then there is no path to read.
        size_t size = address->size > UNIX_PATH_OFFSET ? address->size - UNIX_PATH_OFFSET : 0;
        (void)snprintf(text, ADDRESS_TEXT_SIZE, UNIX_PREFIX "%.*s", (int)size,
                       address->as.unix_path.sun_path);
        return;
    }
    char host[ADDRESS_TEXT_SIZE];
    bool v6 = address->as.any.sa_family == AF_INET6;
    address_format_host(address, host);
    (void)snprintf(text, ADDRESS_TEXT_SIZE, v6 ? "[%.64s]:%u" : "%.64s:%u", host,
                   (unsigned)address_port(address));
}

uint16_t address_port(const struct address *address) {
    switch (address->as.any.sa_family) {
    case AF_INET:
        return ntohs(address->as.v4.sin_port);
    case AF_INET6:
        return ntohs(address->as.v6.sin6_port);
    default:
        return 0;
    }
}

bool address_equal(const struct address *a, const struct address *b) {
    if (a->as.any.sa_family != b->as.any.sa_family || address_port(a) != address_port(b)) {
        return false;
    }
    switch (a->as.any.sa_family) {
    case AF_INET:
        return a->as.v4.sin_addr.s_addr == b->as.v4.sin_addr.s_addr;
    case AF_INET6:
        return a->as.v6.sin6_scope_id == b->as.v6.sin6_scope_id &&
               memcmp(&a->as.v6.sin6_addr, &b->as.v6.sin6_addr, sizeof(a->as.v6.sin6_addr)) == 0;
    default:
        return a->size == b->size && memcmp(&a->as, &b->as, a->size) == 0;
    }
}

static int open_stream(const struct address *address) {
    return socket(address->as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int close_keeping_errno(int fd) {
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static bool set_number(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool set_on(int fd, int level, int option) {
    return set_number(fd, level, option, 1);
}

// What waits in the kernel only leaves the processor's cache, and is memory for as long as a client
// is slow. The kernel's own limits are some MiB.
enum { ACCEPTED_UNSENT_MAX = 256 * 1024, LOOPBACK_RECEIVE_BUFFER = 1024 * 1024 };

int socket_bind(const struct address *address) {
    if (address->as.any.sa_family == AF_UNIX) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int fd = open_stream(address);
    if (fd < 0) {
        return -1;
    }
    bool v6 = address->as.any.sa_family == AF_INET6;
    if (!set_on(fd, SOL_SOCKET, SO_REUSEADDR) || !set_on(fd, SOL_SOCKET, SO_REUSEPORT) ||
        (v6 && !set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)) ||
        !set_on(fd, IPPROTO_TCP, TCP_NODELAY) || // accepted connections inherit this
        bind(fd, &address->as.any, address->size) != 0) {
        return close_keeping_errno(fd);
    }
    socket_limit_unsent(fd, ACCEPTED_UNSENT_MAX); // this also is inherited
    return fd;
}

int socket_listen(const struct address *address, int queue_length) {
    int fd = socket_bind(address);
    return fd >= 0 && listen(fd, queue_length) != 0 ? close_keeping_errno(fd) : fd;
}

bool socket_is_listening(int fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    struct pollfd state = {.fd = fd, .events = POLLRDHUP}; // of a unix socket that was shut down
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           poll(&state, 1, 0) == 0;
}

static int number_of(int fd, int level, int option) {
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

static void reset_congestion_control(int fd, int fresh) {
    char name[16];
    socklen_t size = sizeof(name);
    if (getsockopt(fresh, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strnlen(name, size));
    }
}

// Its size follows the connection again. A connection that arrives before the lock is gone keeps
// the size, so that a buffer that nothing changed is left alone. The kernel tells twice the size
// that is set.
static void reset_receive_buffer(int fd, int fresh) {
    int usual = number_of(fresh, SOL_SOCKET, SO_RCVBUF);
    int locks = number_of(fd, SOL_SOCKET, SO_BUF_LOCK);
    bool is_locked = locks > 0 && (locks & SOCK_RCVBUF_LOCK) != 0;
    if (usual < 0 || (!is_locked && number_of(fd, SOL_SOCKET, SO_RCVBUF) == usual)) {
        return;
    }
    if (set_number(fd, SOL_SOCKET, SO_RCVBUF, usual / 2) && locks >= 0) {
        (void)set_number(fd, SOL_SOCKET, SO_BUF_LOCK, locks & ~SOCK_RCVBUF_LOCK);
    }
}

// Some kernels bound the window to what SO_RCVLOWAT asks for. No system call removes the bound of a
// listening socket; the largest window that TCP knows has the same effect.
static void reset_window(int fd) {
    if (number_of(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP) > 0) {
        (void)set_number(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, UINT16_MAX << 14);
    }
}

// Resets what connections inherit.
static void reset_inherited(int fd) {
    int fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fresh >= 0) {
        reset_congestion_control(fd, fresh);
        reset_receive_buffer(fd, fresh);
        (void)close(fresh);
    }
    socket_set_low_water(fd, 1);
    socket_limit_unsent(fd, ACCEPTED_UNSENT_MAX);
    socket_acknowledge(fd);
    reset_window(fd);
}

void socket_reset_listening(int fd) {
    int flags = fcntl(fd, F_GETFL);
    // Fails if there is no filter, which is ignored.
    (void)set_on(fd, SOL_SOCKET, SO_DETACH_FILTER);
    (void)set_on(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF);
    (void)set_on(fd, IPPROTO_TCP, TCP_NODELAY);
    reset_inherited(fd);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
}

bool address_is_loopback(const struct address *address) {
    switch (address->as.any.sa_family) {
    case AF_INET:
        return ntohl(address->as.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&address->as.v6.sin6_addr);
    default:
        return false;
    }
}

enum result socket_connect_again(int fd, const struct address *address, enum connect_state *state) {
    *state = CONNECT_DONE;
    if (connect(fd, &address->as.any, address->size) == 0) {
        return RESULT_OK;
    }
    bool full = errno == EAGAIN && address->as.any.sa_family == AF_UNIX;
    *state = full ? CONNECT_QUEUE_FULL : CONNECT_PENDING;
    return full || errno == EINPROGRESS ? RESULT_OK : RESULT_ERROR;
}

static bool is_connected(int fd) {
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    return poll(&state, 1, 0) == 1 && state.revents == POLLOUT;
}

int socket_connect(const struct address *address, enum connect_state *state) {
    *state = CONNECT_PENDING;
    int fd = open_stream(address);
    if (fd < 0) {
        return -1;
    }
    bool loopback = address_is_loopback(address);
    if (loopback) { // only a speed-up
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", sizeof("reno") - 1);
        (void)set_number(fd, SOL_SOCKET, SO_RCVBUF, LOOPBACK_RECEIVE_BUFFER);
    }
    if (socket_connect_again(fd, address, state) != RESULT_OK) {
        return close_keeping_errno(fd);
    }
    // The packets of a handshake with this machine were exchanged before connect() returned.
    if (loopback && *state == CONNECT_PENDING && is_connected(fd)) {
        *state = CONNECT_DONE;
    }
    return fd;
}

int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void socket_set_nodelay(int fd) {
    (void)set_on(fd, IPPROTO_TCP, TCP_NODELAY); // only a speed-up, and refused by unix sockets
}

void socket_acknowledge(int fd) {
    (void)set_on(fd, IPPROTO_TCP, TCP_QUICKACK);
}

void socket_limit_unsent(int fd, uint32_t size) {
    (void)set_number(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)size);
}

void socket_set_low_water(int fd, uint32_t size) {
    (void)set_number(fd, SOL_SOCKET, SO_RCVLOWAT, (int)size); // only a speed-up
}

ssize_t socket_send(int fd, struct iovec *parts, size_t count) {
    if (count == 1) { // the usual case, and cheaper
        return send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

// An older kernel fills less; all is 0 where there is no TCP.
static struct tcp_info info_of(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof(info);
    memset(&info, 0, sizeof(info));
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        memset(&info, 0, sizeof(info));
    }
    return info;
}

uint64_t socket_acknowledged(int fd) {
    return info_of(fd).tcpi_bytes_acked;
}

int64_t socket_round_trip_us(int fd) {
    const struct tcp_info info = info_of(fd);
    return info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt;
}
