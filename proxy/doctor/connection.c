#include "doctor/connection.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// --- Who ---

static bool copy_text(char *to, size_t capacity, struct slice from) {
    if (from.size >= capacity) {
        return false;
    }
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return true;
}

static bool is_port(struct slice text) {
    unsigned value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 5) {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    return value >= 1 && value <= 65535;
}

static bool is_host(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        char c = ascii_lower(text.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
              c == '_')) {
            return false;
        }
    }
    return text.size > 0;
}

// Splits the text at its port. False: the brackets are wrong.
static bool split(struct slice text, struct slice *host, struct slice *port, bool *brackets) {
    const char *end = text.data + text.size;
    const char *colon = memrchr(text.data, ':', text.size);
    *port = SLICE("443");
    *host = text;
    *brackets = text.size > 0 && text.data[0] == '[';
    if (*brackets) {
        const char *close = memchr(text.data, ']', text.size);
        if (close == NULL) {
            return false;
        }
        *host = (struct slice){text.data + 1, (size_t)(close - text.data) - 1};
        colon = close + 1 == end ? NULL : close + 1;
        if (colon != NULL && *colon != ':') {
            return false;
        }
    }
    if (colon != NULL) {
        *port = (struct slice){colon + 1, (size_t)(end - colon) - 1};
        if (!*brackets) {
            host->size = (size_t)(colon - text.data);
        }
    }
    return true;
}

const char *target_parse(const char *text, struct target *target) {
    struct slice host;
    struct slice port;
    struct in6_addr address;
    bool brackets;
    *target = (struct target){0};
    if (!split(slice_from(text), &host, &port, &brackets)) {
        return "the brackets of an IPv6 address do not fit";
    }
    if (!is_port(port) || !copy_text(target->port, sizeof(target->port), port)) {
        return "the port must be 1 to 65535";
    }
    if (!copy_text(target->host, sizeof(target->host), host)) {
        return "the host's name is too long";
    }
    if (brackets) {
        if (inet_pton(AF_INET6, target->host, &address) != 1) {
            return "not an IPv6 address between the brackets";
        }
        target->host_is_address = true;
    } else if (!is_host(host)) {
        return "not a host's name (an IPv6 address goes in brackets)";
    } else {
        target->host_is_address = inet_pton(AF_INET, target->host, &address) == 1;
    }
    if (!target->host_is_address) {
        (void)copy_text(target->name, sizeof(target->name), host);
    }
    return NULL;
}

enum result target_resolve(struct target *target, char error[CONNECTION_ERROR_SIZE]) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(target->host, target->port, &hints, &list);
    if (failed != 0) {
        (void)snprintf(error, CONNECTION_ERROR_SIZE, "%.100s cannot be looked up: %s", target->host,
                       gai_strerror(failed));
        return RESULT_ERROR;
    }
    target->address_count = 0;
    for (const struct addrinfo *each = list;
         each != NULL && target->address_count < TARGET_ADDRESSES_MAX; each = each->ai_next) {
        struct address *address = &target->addresses[target->address_count];
        if (each->ai_addrlen <= sizeof(address->as)) {
            memcpy(&address->as, each->ai_addr, each->ai_addrlen);
            address->size = each->ai_addrlen;
            target->address_count++;
        }
    }
    freeaddrinfo(list);
    return RESULT_OK;
}

// --- The connection ---

// Waits until the descriptor is ready. RESULT_AGAIN: the deadline has passed.
static enum result wait_for(const struct connection *connection, short events) {
    struct pollfd poll_entry = {.fd = connection->fd, .events = events};
    for (;;) {
        int64_t left_us = connection->deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            return RESULT_AGAIN;
        }
        int ready = poll(&poll_entry, 1, (int)(left_us / 1000) + 1);
        if (ready > 0) {
            return RESULT_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return RESULT_ERROR;
        }
    }
}

enum result connection_open(struct connection *connection, const struct address *address,
                            int64_t deadline_us, size_t budget, char error[CONNECTION_ERROR_SIZE]) {
    enum connect_state state;
    *connection = (struct connection){-1, deadline_us, budget};
    connection->fd = socket_connect(address, &state);
    int failed = connection->fd < 0 ? errno : 0;
    if (failed == 0 && state == CONNECT_PENDING) {
        enum result result = wait_for(connection, POLLOUT);
        failed = result == RESULT_OK      ? socket_error(connection->fd)
                 : result == RESULT_AGAIN ? ETIMEDOUT
                                          : errno;
    }
    if (failed != 0) {
        char text[ADDRESS_TEXT_SIZE];
        address_format(address, text);
        (void)snprintf(error, CONNECTION_ERROR_SIZE, "no connection to %s: %s", text,
                       strerror(failed));
        connection_close(connection);
        return RESULT_ERROR;
    }
    socket_set_nodelay(connection->fd);
    return RESULT_OK;
}

void connection_close(struct connection *connection) {
    if (connection->fd >= 0) {
        (void)close(connection->fd);
        connection->fd = -1;
    }
}

enum result connection_send(struct connection *connection, struct slice data) {
    while (data.size > 0) {
        ssize_t sent = send(connection->fd, data.data, data.size, MSG_NOSIGNAL);
        if (sent > 0) {
            data.data += sent;
            data.size -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            return RESULT_ERROR;
        }
        enum result result = wait_for(connection, POLLOUT);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

enum result connection_receive(struct connection *connection, void *data, size_t capacity,
                               size_t *size) {
    *size = 0;
    size_t most = capacity < connection->budget ? capacity : connection->budget;
    if (most == 0) {
        return RESULT_AGAIN;
    }
    for (;;) {
        // Also called if bytes are there, so that a server that sends without end cannot pass the
        // deadline.
        enum result result = wait_for(connection, POLLIN);
        if (result != RESULT_OK) {
            return result;
        }
        ssize_t received = recv(connection->fd, data, most, 0);
        if (received > 0) {
            *size = (size_t)received;
            connection->budget -= *size;
            return RESULT_OK;
        }
        if (received == 0) {
            return RESULT_EOF;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return RESULT_ERROR;
        }
    }
}

void connection_end_sending(struct connection *connection) {
    (void)shutdown(connection->fd, SHUT_WR);
}
