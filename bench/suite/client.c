// client HOST PORT [option...]: the load client of the bench suite. It offers TLS 1.3 with one group and one suite, keeps
// many connections, looks at every byte that comes back, and takes commands as lines on its standard input:
//
//   slots N                have N connections, which connect when their first turn comes
//   open N                 have N connections, each with one request behind it
//   run RATE SECONDS       requests on them in turn; RATE 0: each connection asks again as soon as it is answered
//   fresh N RATE SECONDS   a new connection for every request, N at a time at most
//   quit
//
// Each but quit is answered with one line of JSON. Options:
//
//   --path PATH  --name NAME       what to ask for; the host in SNI and Host. A %d in it is the connection's number,
//   --names N                      modulo N
//   --host TEXT                    Host, if it is not just the name
//   --body FILE                    the body every response must have, byte for byte, with status 200
//   --group NAME  --suite NAME     X25519 and TLS_AES_128_GCM_SHA256 if not given
//   --resume                       `fresh` connections resume the session of the one before
//   --sources N                    connect from 127.0.1.1, 127.0.1.2, ...: for more connections than there are ports
//   --websocket SIZE               `open` upgrades, and a request is a message of that size that must be echoed
//   --plain                        no TLS
//
// With a RATE, request k is due RATE/k seconds after the start, whether or not the ones before have been answered, and its
// latency counts from then: a server that stalls is not asked less, and the wait of what should have been asked meanwhile
// is not left out. No tool in Debian 12 does that: h2load --rps, wrk and hey all count from when they got to asking.
//
// One thread; certificates are not verified (the suite looks at them before). Errors are counted, never retried.
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#define SECOND_NS 1000000000ull
#define GRACE_NS (20 * SECOND_NS)    // for answers that are still due when a command should end
#define BACK_OFF_NS (SECOND_NS / 10) // before the next attempt after a failed connection
#define OPENING_MAX 64 // handshakes at a time in `open`: fewer than a listener's backlog
#define CONNECTIONS_MAX 1000000
#define RATE_MAX 10000000.0
#define SECONDS_MAX 86400.0
#define MESSAGE_MAX 65535
#define FRAME_HEAD_MAX 8
#define MASKED 0x80
#define FINAL_BINARY 0x82

enum state { CLOSED, CONNECTING, HANDSHAKING, ASKING, IDLE };

struct connection {
    int fd;
    enum state state;
    unsigned number;
    bool upgraded; // speaks WebSocket
    bool wrong;    // the response is not what it should be
    WOLFSSL *ssl;
    WOLFSSL_SESSION *session;
    http_parser parser;
    size_t written; // of the request under way
    size_t got;     // of its body, or of the echoed frame
    uint64_t due_ns;
    uint64_t not_before_ns;
};

static struct {
    const char *path, *name, *host, *suite;
    unsigned names, sources;
    int group;
    bool resume, plain;
    size_t message_size;
    unsigned char *body; // NULL: any
    size_t body_size;
    struct sockaddr_storage address;
    socklen_t address_size;
} options = {.path = "/",
             .name = "localhost",
             .suite = "TLS13-AES128-GCM-SHA256",
             .names = 1,
             .group = WOLFSSL_ECC_X25519};

// What a command found out.
static struct {
    uint64_t requests, errors, bytes, connects, resumed, lost;
    uint64_t started_ns, last_ns;
    char first_error[200];
    uint32_t *latencies_us;
    size_t count, room;
} tally;

static struct { char version[16], suite[64], group[32]; } facts;

static WOLFSSL_CTX *context;
static int poll_fd;
static struct connection **connections; // all, by number
static size_t connection_count;
static struct connection **waiting; // a ring: who may ask next
static size_t waiting_first, waiting_count, waiting_room;
static size_t under_way;
static bool keep; // connections stay open after an answer
static unsigned char frame[FRAME_HEAD_MAX + MESSAGE_MAX];
static size_t frame_size;

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "client: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void *grown(void *old, size_t count, size_t size) {
    void *new = reallocarray(old, count, size);
    if (new == NULL) {
        fail("out of memory");
    }
    return new;
}

// --- What came of it -------------------------------------------------------------------------------------------------

static void count_latency(uint64_t from_ns, uint64_t to_ns) {
    if (tally.count == tally.room) {
        tally.room = tally.room == 0 ? 65536 : 2 * tally.room;
        tally.latencies_us = grown(tally.latencies_us, tally.room, sizeof(*tally.latencies_us));
    }
    uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
    tally.latencies_us[tally.count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

__attribute__((format(printf, 1, 2))) static void count_error(const char *format, ...) {
    if (tally.errors++ == 0) {
        va_list values;
        va_start(values, format);
        (void)vsnprintf(tally.first_error, sizeof(tally.first_error), format, values);
        va_end(values);
    }
}

static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one;
    uint32_t b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static unsigned percentile(double share) { // nearest rank
    if (tally.count == 0) {
        return 0;
    }
    size_t rank = (size_t)(share * (double)tally.count + 0.9999999);
    return tally.latencies_us[rank == 0 ? 0 : rank > tally.count ? tally.count - 1 : rank - 1];
}

static void print_text(const char *name, const char *text) {
    (void)printf("\"%s\": \"", name);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        (void)printf(plain ? "%c" : "\\u%04x", byte);
    }
    (void)printf("\"");
}

static void print_tally(void) {
    size_t open = 0;
    for (size_t i = 0; i < connection_count; i++) {
        open += connections[i]->state == IDLE;
    }
    qsort(tally.latencies_us, tally.count, sizeof(*tally.latencies_us), compare);
    double seconds = (double)(tally.last_ns - tally.started_ns) / (double)SECOND_NS;
    (void)printf("{\"requests\": %llu, \"errors\": %llu, ", (unsigned long long)tally.requests,
                 (unsigned long long)tally.errors);
    print_text("first_error", tally.first_error);
    (void)printf(", \"bytes\": %llu, \"seconds\": %.6f, \"connects\": %llu, \"resumed\": %llu, "
                 "\"lost\": %llu, "
                 "\"open\": %zu, ",
                 (unsigned long long)tally.bytes, seconds, (unsigned long long)tally.connects,
                 (unsigned long long)tally.resumed, (unsigned long long)tally.lost, open);
    (void)printf(
        "\"latency_us\": {\"p50\": %u, \"p90\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}, ",
        percentile(0.5), percentile(0.9), percentile(0.99), percentile(0.999), percentile(1));
    print_text("version", facts.version);
    (void)printf(", ");
    print_text("suite", facts.suite);
    (void)printf(", ");
    print_text("group", facts.group);
    (void)printf("}\n");
    (void)fflush(stdout);
}

static void clear_tally(void) {
    uint32_t *latencies = tally.latencies_us;
    size_t room = tally.room;
    memset(&tally, 0, sizeof(tally));
    tally.latencies_us = latencies;
    tally.room = room;
    tally.started_ns = tally.last_ns = now_ns();
}

// --- Connections -----------------------------------------------------------------------------------------------------

static void push(struct connection *connection) {
    waiting[(waiting_first + waiting_count++) % waiting_room] = connection;
}

static struct connection *pop(void) {
    struct connection *connection = waiting[waiting_first];
    waiting_first = (waiting_first + 1) % waiting_room;
    waiting_count--;
    return connection;
}

static void set_connections(size_t count) {
    if (count > waiting_room) {
        struct connection **ring = grown(NULL, count, sizeof(struct connection *));
        size_t queued = waiting_count;
        for (size_t i = 0; i < queued; i++) {
            ring[i] = pop();
        }
        free(waiting);
        waiting = ring;
        waiting_first = 0;
        waiting_count = queued;
        waiting_room = count;
        connections = grown(connections, count, sizeof(struct connection *));
    }
    while (connection_count < count) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL) {
            fail("out of memory");
        }
        connection->fd = -1;
        connection->number = (unsigned)connection_count;
        connections[connection_count++] = connection;
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
    connection->state = CLOSED;
    connection->upgraded = false;
}

// The end of what was asked, well or not. Errors have been counted.
static void settle(struct connection *connection, bool stays_open) {
    under_way--;
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

static int receive(WOLFSSL *ssl, char *buffer, int size, void *of) {
    (void)ssl;
    ssize_t got = recv(((struct connection *)of)->fd, buffer, (size_t)size, 0);
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

static void write_name(const struct connection *connection, char *text, size_t room) {
    const char *mark = strstr(options.name, "%d");
    if (mark == NULL) {
        (void)snprintf(text, room, "%s", options.name);
    } else {
        (void)snprintf(text, room, "%.*s%u%s", (int)(mark - options.name), options.name,
                       connection->number % options.names, mark + 2);
    }
}

static bool set_up_tls(struct connection *connection) {
    char name[256];
    connection->ssl = wolfSSL_new(context);
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
    char protocols[] = "http/1.1";
    return wolfSSL_set_groups(connection->ssl, &options.group, 1) == WOLFSSL_SUCCESS &&
           wolfSSL_UseKeyShare(connection->ssl, (word16)options.group) == WOLFSSL_SUCCESS &&
           wolfSSL_UseALPN(connection->ssl, protocols, sizeof(protocols) - 1,
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
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (connection->fd < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
        (options.sources > 0 && !bind_source(connection)) ||
        (connect(connection->fd, (struct sockaddr *)&options.address, options.address_size) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        count_error("connecting: %s", strerror(errno));
        give_up(connection);
        return;
    }
    connection->state = CONNECTING;
}

// --- Asking and being answered ---------------------------------------------------------------------------------------

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
    settle(connection, stays_open && keep);
}

static int on_body(http_parser *parser, const char *at, size_t size) {
    struct connection *connection = parser->data;
    if (options.body != NULL && (size > options.body_size - connection->got ||
                                 memcmp(options.body + connection->got, at, size) != 0)) {
        connection->wrong = true;
        return 1;
    }
    connection->got += size;
    tally.bytes += size;
    return 0;
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

static void take(struct connection *connection, const char *data, size_t size) {
    if (connection->state != ASKING) {
        // Nobody asked: only an error of the server's.
        count_error("%zu bytes that nobody asked for", size);
        close_connection(connection);
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

static void ended(struct connection *connection, const char *how) {
    if (connection->state == ASKING) {
        // The end of the connection may be the end of a body.
        (void)http_parser_execute(&connection->parser, &callbacks, NULL, 0);
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
            got = recv(connection->fd, data, sizeof(data), 0);
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
    char name[256];
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

static void write_rest(struct connection *connection) {
    char request[8192];
    const char *data = (const char *)frame;
    size_t size = frame_size;
    if (!connection->upgraded) {
        size = write_request(connection, request, sizeof(request));
        data = request;
    }
    while (connection->written < size) {
        ssize_t sent;
        size_t left = size - connection->written;
        if (connection->ssl != NULL) {
            sent = wolfSSL_write(connection->ssl, data + connection->written, (int)left);
            if (sent <= 0 && again(connection, (int)sent)) {
                return;
            }
        } else {
            sent = send(connection->fd, data + connection->written, left, MSG_NOSIGNAL);
            if (sent < 0 && errno == EAGAIN) {
                return;
            }
        }
        if (sent <= 0) {
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
    http_parser_init(&connection->parser, HTTP_RESPONSE);
    connection->parser.data = connection;
    write_rest(connection);
}

static void note_facts(struct connection *connection) {
    if (wolfSSL_session_reused(connection->ssl)) {
        tally.resumed++;
    }
    if (facts.version[0] == '\0') {
        const char *group = wolfSSL_get_curve_name(connection->ssl);
        (void)snprintf(facts.version, sizeof(facts.version), "%s",
                       wolfSSL_get_version(connection->ssl));
        (void)snprintf(facts.suite, sizeof(facts.suite), "%s",
                       wolfSSL_get_cipher_name(connection->ssl));
        (void)snprintf(facts.group, sizeof(facts.group), "%s", group == NULL ? "?" : group);
    }
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
        note_facts(connection);
        start_asking(connection);
    } else if (!again(connection, result)) {
        count_error("handshake: %s", reason(connection));
        give_up(connection);
    }
}

static void on_event(struct connection *connection, uint32_t events) {
    if (connection->state == CONNECTING) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) {
            return;
        }
        advance_handshake(connection);
    } else if (connection->state == HANDSHAKING) {
        advance_handshake(connection);
    } else if (connection->state == ASKING && (events & EPOLLOUT) != 0) {
        write_rest(connection);
    }
    read_all(connection);
}

static void begin(struct connection *connection, uint64_t due_ns) {
    connection->due_ns = due_ns;
    under_way++;
    if (connection->state == IDLE) {
        start_asking(connection);
    } else {
        start_connecting(connection);
    }
}

// --- Commands --------------------------------------------------------------------------------------------------------

struct plan {
    uint64_t requests; // at most
    double rate;       // a second; 0: as fast as they are answered
    uint64_t end_ns;   // nothing is begun after this, but what was due before it
    size_t at_a_time;
};

// Begins what can be begun now. Returns when it should be called again, at the latest.
static uint64_t begin_due(const struct plan *plan, uint64_t *begun) {
    uint64_t now = now_ns();
    size_t turns =
        waiting_count; // each has one turn, so that a server that is away does not keep us here
    while (turns-- > 0 && *begun < plan->requests && under_way < plan->at_a_time) {
        uint64_t due = now;
        if (plan->rate > 0) {
            due = tally.started_ns + (uint64_t)((double)*begun * (double)SECOND_NS / plan->rate);
            if (due > now) {
                return due;
            }
        } else if (now >= plan->end_ns) {
            return now + GRACE_NS;
        }
        struct connection *connection = pop();
        if (connection->state == CLOSED && connection->not_before_ns > now) {
            push(connection);
            continue;
        }
        begin(connection, due);
        (*begun)++;
    }
    return now + BACK_OFF_NS;
}

static void perform(const struct plan *plan) {
    struct epoll_event events[256];
    uint64_t begun = 0;
    for (;;) {
        uint64_t wake = begin_due(plan, &begun);
        uint64_t now = now_ns();
        bool all_begun = begun == plan->requests || (plan->rate <= 0 && now >= plan->end_ns);
        if (all_begun && under_way == 0) {
            return;
        }
        if (now >= plan->end_ns + GRACE_NS) {
            break;
        }
        struct timespec wait = {0};
        if (wake > now) {
            wait.tv_sec = (time_t)((wake - now) / SECOND_NS);
            wait.tv_nsec = (long)((wake - now) % SECOND_NS);
        }
        int count = epoll_pwait2(poll_fd, events, 256, &wait, NULL);
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
    }
    count_error("no answer in time");
    tally.errors += under_way - 1 + (plan->requests == UINT64_MAX ? 0 : plan->requests - begun);
    for (size_t i = 0; i < connection_count; i++) {
        enum state state = connections[i]->state;
        if (state != IDLE && state != CLOSED) {
            settle(connections[i], false);
        }
    }
}

static void take_notice_of_ends(void) {
    struct epoll_event events[256];
    int count;
    while ((count = epoll_wait(poll_fd, events, 256, 0)) > 0) {
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
    }
}

// The new ones have the next turns.
static void add_slots(size_t count) {
    size_t before = connection_count;
    if (count < before || count > CONNECTIONS_MAX) {
        fail("not so many connections, or fewer than there are");
    }
    set_connections(count);
    size_t older = waiting_count;
    for (size_t i = before; i < count; i++) {
        push(connections[i]);
    }
    for (size_t i = 0; i < older; i++) {
        push(pop());
    }
}

static void command_open(size_t count) {
    size_t before = connection_count;
    add_slots(count);
    keep = true;
    struct plan plan = {count - before, 0, now_ns() + 600 * SECOND_NS, OPENING_MAX};
    perform(&plan);
}

static void command_run(double rate, double seconds) {
    struct plan plan = {UINT64_MAX, rate, now_ns() + (uint64_t)(seconds * 1e9), SIZE_MAX};
    if (rate > 0) {
        plan.requests = (uint64_t)(rate * seconds);
    }
    keep = true;
    perform(&plan);
}

static void command_fresh(size_t at_a_time, double rate, double seconds) {
    if (at_a_time < 1) {
        fail("fresh: at least one at a time");
    }
    struct plan plan = {UINT64_MAX, rate, now_ns() + (uint64_t)(seconds * 1e9), at_a_time};
    if (rate > 0) {
        plan.requests = (uint64_t)(rate * seconds);
    }
    if (at_a_time > connection_count) {
        add_slots(at_a_time);
    }
    keep = false;
    perform(&plan);
}

static void obey(const char *line) {
    size_t count;
    double rate;
    double seconds;
    take_notice_of_ends();
    uint64_t lost = tally.lost;
    clear_tally();
    tally.lost = lost;
    if (sscanf(line, "slots %zu", &count) == 1) {
        add_slots(count);
    } else if (sscanf(line, "open %zu", &count) == 1) {
        command_open(count);
    } else if (sscanf(line, "run %lf %lf", &rate, &seconds) == 2 && rate >= 0 && rate <= RATE_MAX &&
               seconds > 0 && seconds <= SECONDS_MAX) {
        command_run(rate, seconds);
    } else if (sscanf(line, "fresh %zu %lf %lf", &count, &rate, &seconds) == 3 && rate >= 0 &&
               rate <= RATE_MAX && seconds > 0 && seconds <= SECONDS_MAX) {
        command_fresh(count, rate, seconds);
    } else {
        fail("unknown command");
    }
    print_tally();
}

// --- Starting --------------------------------------------------------------------------------------------------------

static void load_body(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot read the body");
    }
    for (size_t got = 1; got > 0;) {
        options.body = grown(options.body, options.body_size + (1 << 20), 1);
        got = fread(options.body + options.body_size, 1, 1 << 20, file);
        options.body_size += got;
    }
    (void)fclose(file);
}

static int group_named(const char *name) {
    static const struct {
        const char *name;
        int group;
    } groups[] = {{"X25519", WOLFSSL_ECC_X25519},
                  {"P-256", WOLFSSL_ECC_SECP256R1},
                  {"P-384", WOLFSSL_ECC_SECP384R1},
                  {"X25519MLKEM768", WOLFSSL_X25519MLKEM768},
                  {"SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768}};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(name, groups[i].name) == 0) {
            return groups[i].group;
        }
    }
    fail("no such group");
}

static const char *suite_named(const char *name) {
    static const char *const suites[][2] = {
        {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256"},
        {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384"},
        {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256"}};
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (strcmp(name, suites[i][0]) == 0) {
            return suites[i][1];
        }
    }
    fail("no such suite");
}

static unsigned number(const char *text, unsigned most) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > most) {
        fail("an option has a number that is out of range");
    }
    return (unsigned)value;
}

static void take_option(const char *name, const char *value) {
    if (strcmp(name, "--path") == 0) {
        options.path = value;
    } else if (strcmp(name, "--name") == 0) {
        options.name = value;
    } else if (strcmp(name, "--host") == 0) {
        options.host = value;
    } else if (strcmp(name, "--names") == 0) {
        options.names = number(value, 1000000);
    } else if (strcmp(name, "--body") == 0) {
        load_body(value);
    } else if (strcmp(name, "--group") == 0) {
        options.group = group_named(value);
    } else if (strcmp(name, "--suite") == 0) {
        options.suite = suite_named(value);
    } else if (strcmp(name, "--sources") == 0) {
        options.sources = number(value, 200);
    } else if (strcmp(name, "--websocket") == 0) {
        options.message_size = number(value, MESSAGE_MAX);
    } else {
        fail("unknown option");
    }
}

static void resolve(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        fail("HOST and PORT must be numbers");
    }
    memcpy(&options.address, found->ai_addr, found->ai_addrlen);
    options.address_size = found->ai_addrlen;
    freeaddrinfo(found);
}

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
    context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (context == NULL || wolfSSL_CTX_set_cipher_list(context, options.suite) != WOLFSSL_SUCCESS) {
        fail("cannot make a TLS context");
    }
    wolfSSL_CTX_SetIORecv(context, receive);
    wolfSSL_CTX_SetIOSend(context, transmit);
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
}

int main(int count, char **words) {
    if (count < 3) {
        fail("usage: client HOST PORT [option...]");
    }
    resolve(words[1], words[2]);
    for (int i = 3; i < count; i++) {
        if (strcmp(words[i], "--resume") == 0) {
            options.resume = true;
        } else if (strcmp(words[i], "--plain") == 0) {
            options.plain = true;
        } else if (i + 1 < count) {
            take_option(words[i], words[i + 1]);
            i++;
        } else {
            fail("unknown option");
        }
    }
    if (options.message_size > 0) {
        make_frame();
    }
    // Timers that fire when they should: the default may be 50 µs late.
    (void)prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0) {
        fail(strerror(errno));
    }
    make_context();
    char line[256];
    while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "quit\n") != 0) {
        obey(line);
    }
    return 0;
}
