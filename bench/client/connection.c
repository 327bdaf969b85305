#include "client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FRAME_HEAD_MAX 8
#define MASKED 0x80
#define FINAL_BINARY 0x82
#define EVENTS (EPOLLIN | EPOLLOUT | EPOLLET)

struct pool pool;

static unsigned char frame[FRAME_HEAD_MAX + MESSAGE_MAX];
static size_t frame_size;

// --- Connections ---

void push(struct connection *connection) {
    pool.waiting[(pool.waiting_first + pool.waiting_count++) % pool.waiting_room] = connection;
}

struct connection *pop(void) {
    struct connection *connection = pool.waiting[pool.waiting_first];
    pool.waiting_first = (pool.waiting_first + 1) % pool.waiting_room;
    pool.waiting_count--;
    return connection;
}

static void make_room(size_t count) {
    if (count <= pool.waiting_room) {
        return;
    }
    struct connection **ring = grown(NULL, count, sizeof(struct connection *));
    size_t queued = pool.waiting_count;
    for (size_t i = 0; i < queued; i++) {
        ring[i] = pop();
    }
    free(pool.waiting);
    pool.waiting = ring;
    pool.waiting_first = 0;
    pool.waiting_count = queued;
    pool.waiting_room = count;
    pool.all = grown(pool.all, count, sizeof(struct connection *));
}

void add_connections(size_t count) {
    size_t older = pool.waiting_count;
    make_room(count);
    while (pool.count < count) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL) {
            fail("out of memory");
        }
        connection->fd = -1;
        connection->number = (unsigned)pool.count;
        pool.all[pool.count++] = connection;
        push(connection);
    }
    for (size_t i = 0; i < older; i++) {
        push(pop());
    }
}

static void close_connection(struct connection *connection) {
    if (connection->ssl != NULL) {
        if (connection->state >= ASKING) {
            (void)wolfSSL_shutdown(connection->ssl);
        }
        wolfSSL_free(connection->ssl);
        connection->ssl = NULL;
    }
    if (connection->fd >= 0) {
        (void)close(connection->fd);
        connection->fd = -1;
    }
    http2_forget(connection);
    connection->state = CLOSED;
    connection->upgraded = false;
}

void settle(struct connection *connection, bool stays_open) {
    pool.under_way--;
    tally.last_ns = now_ns();
    if (!stays_open) {
        close_connection(connection);
    } else {
        connection->state = IDLE;
    }
    push(connection);
}

static void give_up(struct connection *connection) {
    connection->not_before_ns = now_ns() + BACK_OFF_NS;
    settle(connection, false);
}

static const char *reason(struct connection *connection) {
    int error = wolfSSL_get_error(connection->ssl, 0);
    return wolfSSL_ERR_reason_error_string((unsigned long)error);
}

static bool again(struct connection *connection, int result) {
    int error = wolfSSL_get_error(connection->ssl, result);
    return error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE;
}

ssize_t send_some(struct connection *connection, const void *data, size_t size) {
    if (connection->ssl != NULL) {
        int sent = wolfSSL_write(connection->ssl, data, (int)size);
        return sent > 0 ? sent : again(connection, sent) ? 0 : -1;
    }
    ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static ssize_t receive_some(struct connection *connection, void *data, size_t size) {
    return connection->http2 != NULL ? http2_receive(connection, data, size)
                                     : recv(connection->fd, data, size, 0);
}

static int receive(WOLFSSL *ssl, char *buffer, int size, void *of) {
    (void)ssl;
    ssize_t got = receive_some(of, buffer, (size_t)size);
    if (got > 0) {
        return (int)got;
    }
    if (got == 0) {
        return WOLFSSL_CBIO_ERR_CONN_CLOSE;
    }
    return errno == EAGAIN ? WOLFSSL_CBIO_ERR_WANT_READ : WOLFSSL_CBIO_ERR_GENERAL;
}

static int transmit(WOLFSSL *ssl, char *buffer, int size, void *of) {
    (void)ssl;
    ssize_t sent = send(((struct connection *)of)->fd, buffer, (size_t)size, MSG_NOSIGNAL);
    if (sent >= 0) {
        return (int)sent;
    }
    return errno == EAGAIN ? WOLFSSL_CBIO_ERR_WANT_WRITE : WOLFSSL_CBIO_ERR_GENERAL;
}

void write_name(const struct connection *connection, char *text, size_t room) {
    const char *mark = strstr(options.name, "%d");
    if (mark == NULL) {
        (void)snprintf(text, room, "%s", options.name);
    } else {
        (void)snprintf(text, room, "%.*s%u%s", (int)(mark - options.name), options.name,
                       connection->number % options.names, mark + 2);
    }
}

static bool set_up_tls(struct connection *connection) {
    char name[NAME_ROOM];
    connection->ssl = wolfSSL_new(pool.context);
    if (connection->ssl == NULL) {
        fail("out of memory");
    }
    write_name(connection, name, sizeof(name));
    wolfSSL_SetIOReadCtx(connection->ssl, connection);
    wolfSSL_SetIOWriteCtx(connection->ssl, connection);
    if (strspn(name, "0123456789.:") != strlen(name) && // addresses do not go into SNI
        wolfSSL_UseSNI(connection->ssl, WOLFSSL_SNI_HOST_NAME, name, (word16)strlen(name)) !=
            WOLFSSL_SUCCESS) {
        return false;
    }
    const char *protocol = options.http2 ? "h2" : "http/1.1";
    char protocols[16];
    (void)snprintf(protocols, sizeof(protocols), "%s", protocol);
    return wolfSSL_set_groups(connection->ssl, &options.group, 1) == WOLFSSL_SUCCESS &&
           wolfSSL_UseKeyShare(connection->ssl, (word16)options.group) == WOLFSSL_SUCCESS &&
           wolfSSL_UseALPN(connection->ssl, protocols, (unsigned)strlen(protocols),
                           WOLFSSL_ALPN_CONTINUE_ON_MISMATCH) == WOLFSSL_SUCCESS &&
           (connection->session == NULL ||
            wolfSSL_set_session(connection->ssl, connection->session) == WOLFSSL_SUCCESS);
}

static bool bind_source(const struct connection *connection) {
    int yes = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100 + connection->number % options.sources);
    return setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) ==
               0 &&
           bind(connection->fd, (struct sockaddr *)&source, sizeof(source)) == 0;
}

static void start_connecting(struct connection *connection) {
    int yes = 1;
    tally.connects++;
    connection->fd =
        socket(options.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EVENTS, .data.ptr = connection};
    if (connection->fd < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
        (options.sources > 0 && !bind_source(connection)) ||
        (connect(connection->fd, (struct sockaddr *)&options.address, options.address_size) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(pool.poll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        count_error("connecting: %s", strerror(errno));
        give_up(connection);
        return;
    }
    connection->state = CONNECTING;
}

// --- Asking and being answered ---

static void answered(struct connection *connection, bool stays_open) {
    unsigned status = connection->parser.status_code;
    if (connection->wrong && status >= 200 && status < 300) {
        count_error("a body of %zu bytes that is not as it should be", connection->got);
    } else if (connection->wrong) {
        count_error("status %u", status);
    } else {
        tally.requests++;
        count_latency(connection->due_ns, now_ns());
    }
    if (options.resume && connection->ssl != NULL) {
        if (connection->session != NULL) {
            wolfSSL_SESSION_free(connection->session);
        }
        connection->session = wolfSSL_get1_session(connection->ssl);
    }
    settle(connection, stays_open && pool.keep);
}

bool take_body(struct connection *connection, const char *data, size_t size) {
    if (options.body != NULL && (size > options.body_size - connection->got ||
                                 memcmp(options.body + connection->got, data, size) != 0)) {
        connection->wrong = true;
        return false;
    }
    connection->got += size;
    tally.bytes += size;
    return true;
}

static int on_body(http_parser *parser, const char *at, size_t size) {
    return take_body(parser->data, at, size) ? 0 : 1;
}

void answered_http2(struct connection *connection, bool is_200) {
    connection->parser.status_code = is_200 ? 200 : 0;
    connection->wrong = !is_200 || (options.body != NULL && connection->got != options.body_size);
    answered(connection, true);
}

static int on_message_complete(http_parser *parser) {
    struct connection *connection = parser->data;
    unsigned status = parser->status_code;
    bool good = options.message_size > 0 ? status == 101
                : options.body != NULL   ? status == 200 && connection->got == options.body_size
                                         : status < 400;
    connection->wrong = connection->wrong || !good;
    connection->upgraded = options.message_size > 0 && status == 101;
    answered(connection, http_should_keep_alive(parser) || connection->upgraded);
    http_parser_pause(parser, 1); // one answer for one request
    return 0;
}

static const http_parser_settings callbacks = {.on_body = on_body,
                                               .on_message_complete = on_message_complete};

// After an error that has been counted.
static void drop(struct connection *connection) {
    if (connection->state == ASKING) {
        settle(connection, false);
    } else {
        close_connection(connection); // it is still in the ring, and connects when its turn comes
    }
}

static void take_frame(struct connection *connection, const unsigned char *data, size_t size) {
    // The server's frame: the head without a mask, then what was sent.
    size_t head = options.message_size < 126 ? 2 : 4;
    for (size_t i = 0; i < size && !connection->wrong; i++, connection->got++) {
        unsigned char wanted =
            connection->got >= head + options.message_size ? 0
            : connection->got >= head
                ? frame[frame_size - options.message_size + connection->got - head]
            : connection->got == 1 ? (unsigned char)(frame[1] & ~MASKED)
                                   : frame[connection->got];
        connection->wrong = connection->got >= head + options.message_size || data[i] != wanted;
    }
    if (connection->wrong) {
        count_error("the message that came back is another one");
        settle(connection, false);
    } else if (connection->got == head + options.message_size) {
        tally.bytes += options.message_size;
        answered(connection, true);
    }
}

static void take_http2(struct connection *connection, const char *data, size_t size) {
    if (options.flood != NULL) {
        return;
    }
    const char *wrong = http2_take(connection, data, size);
    if (wrong != NULL) {
        count_error("%s", wrong);
        drop(connection);
    }
}

static void take(struct connection *connection, const char *data, size_t size) {
    if (connection->http2 != NULL) {
        take_http2(connection, data, size);
    } else if (connection->state != ASKING) {
        // Nobody asked: only an error of the server's.
        count_error("%zu bytes that nobody asked for", size);
        drop(connection);
    } else if (connection->upgraded) {
        take_frame(connection, (const unsigned char *)data, size);
    } else {
        size_t parsed = http_parser_execute(&connection->parser, &callbacks, data, size);
        if (connection->state != ASKING) { // answered, well or not
            if (parsed != size) {
                count_error("bytes after the answer");
            }
            return;
        }
        if (HTTP_PARSER_ERRNO(&connection->parser) != HPE_OK || parsed != size) {
            count_error("%s", connection->wrong
                                  ? "a body that is not as it should be"
                                  : http_errno_description(HTTP_PARSER_ERRNO(&connection->parser)));
            settle(connection, false);
        }
    }
}

// The end of a flood, which the server has ended or not.
static void end_flood(struct connection *connection) {
    tally.requests++;
    count_latency(connection->due_ns, now_ns());
    settle(connection, false);
}

static void ended(struct connection *connection, const char *how) {
    if (connection->state == ASKING && options.flood != NULL) {
        end_flood(connection);
    } else if (connection->state == ASKING) {
        // The end of the connection may be the end of a body.
        if (connection->http2 == NULL) {
            (void)http_parser_execute(&connection->parser, &callbacks, NULL, 0);
        }
        if (connection->state == ASKING) {
            count_error("the connection ended before the answer: %s", how);
            settle(connection, false);
        }
    } else if (connection->state == IDLE) {
        tally.lost++;
        close_connection(connection); // it is still in the ring, and connects when its turn comes
    }
}

static void read_all(struct connection *connection) {
    static char data[1 << 17];
    while (connection->state == ASKING || connection->state == IDLE) {
        ssize_t got;
        if (connection->ssl != NULL) {
            got = wolfSSL_read(connection->ssl, data, sizeof(data));
            if (got <= 0 && again(connection, (int)got)) {
                return;
            }
            if (got <= 0) {
                ended(connection, reason(connection));
                return;
            }
        } else {
            got = receive_some(connection, data, sizeof(data));
            if (got < 0 && errno == EAGAIN) {
                return;
            }
            if (got <= 0) {
                ended(connection, got == 0 ? "closed" : strerror(errno));
                return;
            }
        }
        take(connection, data, (size_t)got);
    }
}

static size_t write_request(const struct connection *connection, char *text, size_t room) {
    char name[NAME_ROOM];
    write_name(connection, name, sizeof(name));
    const char *more =
        options.message_size > 0
            ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            : "";
    int size = snprintf(text, room,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n%s\r\n",
                        options.path, options.host != NULL ? options.host : name, more);
    if (size < 0 || (size_t)size >= room) {
        fail("the path is too long");
    }
    return (size_t)size;
}

static void write_http2(struct connection *connection) {
    enum written written = http2_write(connection);
    if (written == WRITTEN_FLOOD || (written == WRITTEN_ERROR && options.flood != NULL)) {
        end_flood(connection);
    } else if (written == WRITTEN_ERROR) {
        count_error("sending: %s", connection->ssl != NULL ? reason(connection) : strerror(errno));
        drop(connection);
    }
}

static void write_rest(struct connection *connection) {
    char request[8192];
    const char *data = (const char *)frame;
    size_t size = frame_size;
    if (!connection->upgraded) {
        size = write_request(connection, request, sizeof(request));
        data = request;
    }
    while (connection->written < size) {
        ssize_t sent =
            send_some(connection, data + connection->written, size - connection->written);
        if (sent == 0) {
            return;
        }
        if (sent < 0) {
            count_error("sending: %s",
                        connection->ssl != NULL ? reason(connection) : strerror(errno));
            settle(connection, false);
            return;
        }
        connection->written += (size_t)sent;
    }
}

static void start_asking(struct connection *connection) {
    connection->state = ASKING;
    connection->written = connection->got = 0;
    connection->wrong = false;
    if (options.http2) {
        http2_ask(connection);
        write_http2(connection);
        return;
    }
    http_parser_init(&connection->parser, HTTP_RESPONSE);
    connection->parser.data = connection;
    write_rest(connection);
}

static void advance_handshake(struct connection *connection) {
    if (connection->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof(error);
        (void)getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            count_error("connecting: %s", strerror(error));
            give_up(connection);
            return;
        }
        if (options.plain) {
            start_asking(connection);
            return;
        }
        if (!set_up_tls(connection)) {
            fail("cannot set up TLS");
        }
        connection->state = HANDSHAKING;
    }
    int result = wolfSSL_connect(connection->ssl);
    if (result == WOLFSSL_SUCCESS) {
        tally.resumed += wolfSSL_session_reused(connection->ssl) != 0;
        note_facts(wolfSSL_get_version(connection->ssl), wolfSSL_get_cipher_name(connection->ssl),
                   wolfSSL_get_curve_name(connection->ssl));
        start_asking(connection);
    } else if (!again(connection, result)) {
        count_error("handshake: %s", reason(connection));
        give_up(connection);
    }
}

// Acknowledgements and credit that reading has made are sent, and what an event had no time for has
// another.
static void go_on_later(struct connection *connection) {
    write_http2(connection);
    if (connection->fd >= 0 && http2_rests(connection)) {
        struct epoll_event event = {.events = EVENTS, .data.ptr = connection};
        (void)epoll_ctl(pool.poll_fd, EPOLL_CTL_MOD, connection->fd, &event);
    }
}

void on_event(struct connection *connection, uint32_t events) {
    if (connection->state == CONNECTING) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) {
            return;
        }
        advance_handshake(connection);
    } else if (connection->state == HANDSHAKING) {
        advance_handshake(connection);
    } else if (connection->http2 != NULL) {
        write_http2(connection);
    } else if (connection->state == ASKING && (events & EPOLLOUT) != 0) {
        write_rest(connection);
    }
    read_all(connection);
    if (connection->http2 != NULL && connection->fd >= 0) {
        go_on_later(connection);
    }
}

void begin(struct connection *connection, uint64_t due_ns) {
    connection->due_ns = due_ns;
    pool.under_way++;
    if (connection->state == IDLE) {
        start_asking(connection);
    } else {
        start_connecting(connection);
    }
}

// --- Starting ---

// One masked message. The mask is 0, so that the payload is the same in both directions.
static void make_frame(void) {
    size_t size = options.message_size;
    frame[frame_size++] = FINAL_BINARY;
    if (size < 126) {
        frame[frame_size++] = (unsigned char)(MASKED | size);
    } else {
        frame[frame_size++] = MASKED | 126;
        frame[frame_size++] = (unsigned char)(size >> 8);
        frame[frame_size++] = (unsigned char)size;
    }
    frame_size += 4;
    for (size_t i = 0; i < size; i++) {
        frame[frame_size++] = (unsigned char)('a' + i % 23);
    }
}

static void make_context(void) {
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
        fail("the TLS library does not start");
    }
    pool.context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (pool.context == NULL ||
        wolfSSL_CTX_set_cipher_list(pool.context, options.suite) != WOLFSSL_SUCCESS) {
        fail("cannot make a TLS context");
    }
    wolfSSL_CTX_SetIORecv(pool.context, receive);
    wolfSSL_CTX_SetIOSend(pool.context, transmit);
    wolfSSL_CTX_set_verify(pool.context, WOLFSSL_VERIFY_NONE, NULL);
}

void start_pool(void) {
    pool.poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (pool.poll_fd < 0) {
        fail(strerror(errno));
    }
    make_context();
    if (options.message_size > 0) {
        make_frame();
    }
}
