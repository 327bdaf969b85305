// The load client of the bench suite, in four files: main.c takes options and commands,
// connection.c is what a connection does, http2.c what it does over HTTP/2, tally.c counts what
// came of it. One thread. What these files share is a few structures: a client has one target, one
// set of connections and one command at a time.
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
#define DOWNLOADS_MAX 64
#define NAME_ROOM 256

// What the words of the command line say; set by main.c.
struct options {
    const char *path, *name, *host, *suite;
    unsigned names, sources;
    int group;
    bool resume, plain, http2;
    const char *priority; // NULL: none is said
    unsigned downloads;   // of each connection, beside what is asked
    uint64_t download_size;
    const char *download_path;
    const struct flood *flood; // NULL: none
    size_t message_size;
    unsigned char *body; // NULL: any
    size_t body_size;
    struct sockaddr_storage address;
    socklen_t address_size;
};
extern struct options options;

// --- tally.c ---

struct values {
    uint32_t *all;
    size_t count, room;
};

// What the command under way found out. Times are of CLOCK_MONOTONIC.
struct tally {
    uint64_t requests, errors, bytes, beside, connects, resumed, lost;
    uint64_t started_ns, last_ns;
    char first_error[200];
    struct values latencies_us;
    struct values bytes_before; // of downloads, from a request to its answer
};
extern struct tally tally;

// For what leaves nothing to go on with: says it and ends the program.
__attribute__((noreturn)) void fail(const char *what);
uint64_t now_ns(void);
// realloc of so many elements, or the end of the program.
void *grown(void *old, size_t count, size_t size);

void count_latency(uint64_t from_ns, uint64_t to_ns);
void count_before(uint64_t bytes);
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
    struct http2 *http2; // NULL: HTTP/1.1, or nothing was asked yet
    size_t written;      // of the request under way
    size_t got;          // of its body, or of the echoed frame
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

// For http2.c.
void write_name(const struct connection *connection, char *text, size_t room);
// Sends some of the bytes. 0: none now. -1: the connection broke.
ssize_t send_some(struct connection *connection, const void *data, size_t size);
// Bytes of the body that was asked for. False: they are wrong.
bool take_body(struct connection *connection, const char *data, size_t size);
void answered_http2(struct connection *connection, bool is_200);

// --- http2.c ---

enum written { WRITTEN_ALL, WRITTEN_SOME, WRITTEN_ERROR, WRITTEN_FLOOD };

// Ends the program if there is none of that name.
const struct flood *http2_flood_named(const char *name);
// Makes a request, or begins a flood; http2_write() sends it.
void http2_ask(struct connection *connection);
// WRITTEN_FLOOD: the flood was sent, and the server has not ended the connection.
enum written http2_write(struct connection *connection);
// As recv(), with some bytes ahead, and a limit for each event.
ssize_t http2_receive(struct connection *connection, char *buffer, size_t size);
// What came. Returns what is wrong with it, or NULL. It may settle the connection.
const char *http2_take(struct connection *connection, const char *data, size_t size);
// The end of an event. True: there is more to be read or written, though no event may tell.
bool http2_rests(struct connection *connection);
// The next connection begins at the beginning.
void http2_forget(struct connection *connection);

#endif
