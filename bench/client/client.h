// The load client of the bench suite, in three files: main.c takes options and commands,
// connection.c is what a connection does, tally.c counts what came of it. One thread. What these
// files share is a few structures: a client has one target, one set of connections and one command
// at a time.
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#define SECOND_NS 1000000000ull
#define BACK_OFF_NS (SECOND_NS / 10) // before the next attempt after a failed connection
#define MESSAGE_MAX 65535

// What the words of the command line say; set by main.c.
struct options {
    const char *path, *name, *host, *suite;
    unsigned names, sources;
    int group;
    bool resume, plain;
    size_t message_size;
    unsigned char *body; // NULL: any
    size_t body_size;
    struct sockaddr_storage address;
    socklen_t address_size;
};
extern struct options options;

// --- tally.c ---

// What the command under way found out. Times are of CLOCK_MONOTONIC.
struct tally {
    uint64_t requests, errors, bytes, connects, resumed, lost;
    uint64_t started_ns, last_ns;
    char first_error[200];
    uint32_t *latencies_us;
    size_t count, room;
};
extern struct tally tally;

// For what leaves nothing to go on with: says it and ends the program.
__attribute__((noreturn)) void fail(const char *what);
uint64_t now_ns(void);
// realloc of so many elements, or the end of the program.
void *grown(void *old, size_t count, size_t size);

void count_latency(uint64_t from_ns, uint64_t to_ns);
__attribute__((format(printf, 1, 2))) void count_error(const char *format, ...);
// What the first handshake negotiated.
void note_facts(const char *version, const char *suite, const char *group);
// The tally as a line of JSON on standard output. Sorts the latencies.
void print_tally(size_t open);
// For the next command; what has been lost is kept, and tells of the time between.
void clear_tally(void);

// --- connection.c ---

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

// All connections, and a ring of those who may ask, closed or idle: the first has waited longest.
struct pool {
    int poll_fd;
    WOLFSSL_CTX *context;
    struct connection **all; // by number
    size_t count;
    struct connection **waiting;
    size_t waiting_first, waiting_count, waiting_room;
    size_t under_way; // that have begun to ask, and are not answered
    bool keep;        // connections stay open after an answer
};
extern struct pool pool;

void start_pool(void);
// More connections, up to this count: closed, and next in the ring.
void add_connections(size_t count);
void push(struct connection *connection);
struct connection *pop(void);
// Has a connection that was popped ask, and connect before if it is closed.
void begin(struct connection *connection, uint64_t due_ns);
void on_event(struct connection *connection, uint32_t events);
// The end of what was asked, well or not; back into the ring. Errors have been counted before.
void settle(struct connection *connection, bool stays_open);

#endif
