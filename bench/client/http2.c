// HTTP/2 of the load client: requests one at a time on each connection, downloads beside them on
// the same connection, and floods. Header blocks use literals only, and responses no dynamic table.
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_HEAD = 9, FRAME_MAX = 16384, FIELD_MAX = 126, SETTINGS_ENTRY = 6 };
enum {
    TYPE_DATA,
    TYPE_HEADERS,
    TYPE_RST_STREAM = 3,
    TYPE_SETTINGS,
    TYPE_PING = 6,
    TYPE_GOAWAY,
    TYPE_WINDOW_UPDATE,
    TYPE_CONTINUATION
};
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };
enum { HEADER_TABLE_SIZE = 1, ENABLE_PUSH = 2, INITIAL_WINDOW_SIZE = 4 };
enum { CANCEL = 8 };
enum { INDEXED_GET = 0x82, INDEXED_HTTPS = 0x87, INDEXED_200 = 0x88 };
enum { NAME_AUTHORITY = 1, NAME_PATH = 4, NAME_NEW = 0, TABLE_SIZE_UPDATE = 0x20 };
enum { KEPT_MAX = 8 };           // of a payload: all of PING, the status of HEADERS
enum { AHEAD_SIZE = 1 << 16 };   // of one recv()
enum { RECEIVES_MAX = 8 };       // of one event, so that what is due is begun
enum { OUTPUT_SIZE = 32768 };    // of frames that are not sent yet
enum { BLOCK_MAX = 1024 };       // of a request
enum { FLOOD_PART = 8192 };      // of frames that are made at once
enum { FLOOD_MAX = 256 * 1024 }; // of a connection that the server does not end

#define WINDOW 0x3fffffffu // of a stream, and about that of the connection
#define FIRST_WINDOW 65535u

struct download {
    uint32_t stream; // 0: none
    uint64_t got;
};

struct http2 {
    uint32_t next_stream, asked;
    bool good;       // the status of `asked` was 200
    uint64_t beside; // as in the tally, when it was asked
    struct download downloads[DOWNLOADS_MAX];
    uint32_t credit; // bytes of DATA since the last WINDOW_UPDATE

    unsigned char head[FRAME_HEAD];
    size_t have; // of the head
    uint32_t size, left, stream;
    unsigned char kind, flags;
    unsigned char kept[KEPT_MAX];

    unsigned char output[OUTPUT_SIZE];
    size_t output_size, output_sent;
    uint64_t flooded;
    bool in_block; // of a CONTINUATION flood

    unsigned char ahead[AHEAD_SIZE];
    size_t ahead_at, ahead_size;
    unsigned receives; // of this event
    bool rests;        // there may be more to receive
};

// --- Output ---

static void put_number(unsigned char *at, size_t size, uint32_t value) {
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)(value >> 8 * (size - 1 - i));
    }
}

static void put_frame(struct http2 *http2, unsigned kind, unsigned flags, uint32_t stream,
                      const unsigned char *payload, size_t size) {
    if (OUTPUT_SIZE - http2->output_size < FRAME_HEAD + size) {
        fail("the server takes no frames");
    }
    unsigned char *at = http2->output + http2->output_size;
    put_number(at, 3, (uint32_t)size);
    at[3] = (unsigned char)kind;
    at[4] = (unsigned char)flags;
    put_number(at + 5, 4, stream);
    if (size > 0) {
        memcpy(at + FRAME_HEAD, payload, size);
    }
    http2->output_size += FRAME_HEAD + size;
}

static void put_word(struct http2 *http2, unsigned kind, uint32_t stream, uint32_t word) {
    unsigned char payload[4];
    put_number(payload, sizeof(payload), word);
    put_frame(http2, kind, 0, stream, payload, sizeof(payload));
}

static size_t put_text(unsigned char *at, const char *text) {
    size_t size = strlen(text);
    if (size > FIELD_MAX) {
        fail("a path, name or priority is too long for HTTP/2");
    }
    at[0] = (unsigned char)size;
    for (size_t i = 0; i < size; i++) {
        at[1 + i] = (unsigned char)text[i];
    }
    return 1 + size;
}

static size_t put_field(unsigned char *at, unsigned name, const char *value) {
    at[0] = (unsigned char)name;
    return 1 + put_text(at + 1, value);
}

static size_t write_block(const struct connection *connection, const char *path,
                          const char *priority, unsigned char *block) {
    char name[NAME_ROOM];
    write_name(connection, name, sizeof(name));
    size_t size = 0;
    block[size++] = INDEXED_GET;
    block[size++] = INDEXED_HTTPS;
    size += put_field(block + size, NAME_AUTHORITY, options.host != NULL ? options.host : name);
    size += put_field(block + size, NAME_PATH, path);
    if (priority != NULL) {
        size += put_field(block + size, NAME_NEW, "priority");
        size += put_text(block + size, priority);
    }
    return size;
}

// Returns the stream.
static uint32_t put_request(const struct connection *connection, const char *path,
                            const char *priority) {
    struct http2 *http2 = connection->http2;
    unsigned char block[BLOCK_MAX];
    size_t size = write_block(connection, path, priority, block);
    uint32_t stream = http2->next_stream;
    http2->next_stream += 2;
    put_frame(http2, TYPE_HEADERS, END_STREAM | END_HEADERS, stream, block, size);
    return stream;
}

static void put_beginning(struct http2 *http2) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint32_t settings[][2] = {
        {HEADER_TABLE_SIZE, 0}, {ENABLE_PUSH, 0}, {INITIAL_WINDOW_SIZE, WINDOW}};
    unsigned char payload[sizeof(settings) / sizeof(settings[0]) * SETTINGS_ENTRY];
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        put_number(payload + i * SETTINGS_ENTRY, 2, settings[i][0]);
        put_number(payload + i * SETTINGS_ENTRY + 2, 4, settings[i][1]);
    }
    memcpy(http2->output, preface, sizeof(preface) - 1);
    http2->output_size = sizeof(preface) - 1;
    put_frame(http2, TYPE_SETTINGS, 0, 0, payload, sizeof(payload));
    put_word(http2, TYPE_WINDOW_UPDATE, 0, WINDOW - FIRST_WINDOW);
}

// --- Floods ---

// What a flood sends again and again, on streams of its own where it needs some.
static void flood_reset(const struct connection *connection) {
    uint32_t stream = put_request(connection, options.path, NULL);
    put_word(connection->http2, TYPE_RST_STREAM, stream, CANCEL);
}

static void flood_made_reset(const struct connection *connection) {
    uint32_t stream = put_request(connection, options.path, NULL);
    put_word(connection->http2, TYPE_WINDOW_UPDATE, stream, 0); // an error of the stream
}

static void flood_continuation(const struct connection *connection) {
    struct http2 *http2 = connection->http2;
    unsigned char block[BLOCK_MAX];
    if (!http2->in_block) {
        size_t size = write_block(connection, options.path, NULL, block);
        put_frame(http2, TYPE_HEADERS, END_STREAM, http2->next_stream, block, size);
        http2->in_block = true;
    }
    put_frame(http2, TYPE_CONTINUATION, 0, http2->next_stream, block,
              put_field(block, NAME_AUTHORITY, "x"));
}

static void flood_ping(const struct connection *connection) {
    static const unsigned char payload[8];
    put_frame(connection->http2, TYPE_PING, 0, 0, payload, sizeof(payload));
}

static void flood_settings(const struct connection *connection) {
    put_frame(connection->http2, TYPE_SETTINGS, 0, 0, NULL, 0);
}

static const struct flood {
    const char *name;
    void (*put)(const struct connection *connection);
} floods[] = {{"rapid-reset", flood_reset},
              {"made-you-reset", flood_made_reset},
              {"continuation", flood_continuation},
              {"ping", flood_ping},
              {"settings", flood_settings}};

const struct flood *http2_flood_named(const char *name) {
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        if (strcmp(name, floods[i].name) == 0) {
            return &floods[i];
        }
    }
    fail("no such flood");
}

// Makes more of the flood. False: that was all.
static bool put_flood(const struct connection *connection) {
    struct http2 *http2 = connection->http2;
    if (options.flood == NULL || http2->flooded >= FLOOD_MAX) {
        return false;
    }
    while (http2->output_size < FLOOD_PART) {
        options.flood->put(connection);
    }
    http2->flooded += http2->output_size;
    return true;
}

// --- Asking ---

static void ask_for_downloads(const struct connection *connection) {
    for (unsigned i = 0; i < options.downloads; i++) {
        struct download *download = &connection->http2->downloads[i];
        if (download->stream == 0) {
            download->stream = put_request(connection, options.download_path, "u=5, i");
            download->got = 0;
        }
    }
}

enum written http2_write(struct connection *connection) {
    struct http2 *http2 = connection->http2;
    for (unsigned parts = 0;; parts++) {
        while (http2->output_sent < http2->output_size) {
            ssize_t sent = send_some(connection, http2->output + http2->output_sent,
                                     http2->output_size - http2->output_sent);
            if (sent <= 0) {
                return sent == 0 ? WRITTEN_SOME : WRITTEN_ERROR;
            }
            http2->output_sent += (size_t)sent;
            tally.bytes += options.flood != NULL ? (uint64_t)sent : 0;
        }
        http2->output_size = http2->output_sent = 0;
        if (connection->state != ASKING || !put_flood(connection)) {
            return options.flood != NULL && http2->flooded >= FLOOD_MAX ? WRITTEN_FLOOD
                                                                        : WRITTEN_ALL;
        }
        if (parts == RECEIVES_MAX) {
            http2->rests = true;
            return WRITTEN_SOME;
        }
    }
}

void http2_ask(struct connection *connection) {
    struct http2 *http2 = connection->http2;
    if (http2 == NULL) {
        connection->http2 = http2 = calloc(1, sizeof(*http2));
        if (http2 == NULL) {
            fail("out of memory");
        }
    }
    if (http2->next_stream == 0) {
        http2->next_stream = 1;
        put_beginning(http2);
        ask_for_downloads(connection);
    }
    http2->good = false;
    http2->beside = tally.beside;
    if (options.flood == NULL) {
        http2->asked = put_request(connection, options.path, options.priority);
    }
}

void http2_forget(struct connection *connection) {
    if (connection->http2 != NULL) {
        memset(connection->http2, 0, sizeof(*connection->http2));
    }
}

// --- Receiving ---

ssize_t http2_receive(struct connection *connection, char *buffer, size_t size) {
    struct http2 *http2 = connection->http2;
    if (http2->ahead_at == http2->ahead_size) {
        if (http2->receives == RECEIVES_MAX) {
            http2->rests = true;
            errno = EAGAIN;
            return -1;
        }
        ssize_t got = recv(connection->fd, http2->ahead, sizeof(http2->ahead), 0);
        if (got <= 0) {
            return got;
        }
        http2->receives++;
        http2->ahead_at = 0;
        http2->ahead_size = (size_t)got;
    }
    size_t left = http2->ahead_size - http2->ahead_at;
    size_t part = left < size ? left : size;
    memcpy(buffer, http2->ahead + http2->ahead_at, part);
    http2->ahead_at += part;
    return (ssize_t)part;
}

bool http2_rests(struct connection *connection) {
    bool rests = connection->http2->rests;
    connection->http2->rests = false;
    connection->http2->receives = 0;
    return rests;
}

static struct download *download_of(struct http2 *http2, uint32_t stream) {
    for (unsigned i = 0; i < options.downloads; i++) {
        if (http2->downloads[i].stream == stream) {
            return &http2->downloads[i];
        }
    }
    return NULL;
}

// Bytes of a response. False: they are wrong.
static bool take_data(struct connection *connection, const char *data, size_t size) {
    struct http2 *http2 = connection->http2;
    if (http2->stream == http2->asked) {
        return take_body(connection, data, size);
    }
    struct download *download = download_of(http2, http2->stream);
    if (download != NULL) {
        download->got += size;
        tally.beside += size;
    }
    return true;
}

static bool is_200(const struct http2 *http2) {
    const unsigned char *at = http2->kept;
    while (at < http2->kept + KEPT_MAX - 1 && (*at & 0xe0) == TABLE_SIZE_UPDATE) {
        at++;
    }
    return *at == INDEXED_200;
}

static const char *end_stream(struct connection *connection) {
    struct http2 *http2 = connection->http2;
    struct download *download = download_of(http2, http2->stream);
    if (http2->asked != 0 && http2->stream == http2->asked) {
        http2->asked = 0;
        if (options.downloads > 0) {
            count_before(tally.beside - http2->beside);
        }
        answered_http2(connection, http2->good);
    } else if (download != NULL && download->got != options.download_size) {
        return "a download of another size";
    } else if (download != NULL) {
        download->stream = 0;
        ask_for_downloads(connection);
    }
    return NULL;
}

static void acknowledge(struct http2 *http2) {
    if (http2->kind == TYPE_SETTINGS) {
        put_frame(http2, TYPE_SETTINGS, ACK, 0, NULL, 0);
    } else {
        put_frame(http2, TYPE_PING, ACK, 0, http2->kept, sizeof(http2->kept));
    }
}

// A frame is complete. Returns what is wrong, or NULL.
static const char *end_frame(struct connection *connection) {
    struct http2 *http2 = connection->http2;
    switch (http2->kind) {
    case TYPE_HEADERS:
        if ((http2->flags & (END_HEADERS | PADDED)) != END_HEADERS) {
            return "a header block in several frames, or with padding";
        }
        if (http2->stream == http2->asked) {
            http2->good = is_200(http2);
        } else if (!is_200(http2)) {
            return "a download with another status than 200";
        }
        return (http2->flags & END_STREAM) != 0 ? end_stream(connection) : NULL;
    case TYPE_DATA:
        if ((http2->flags & PADDED) != 0) {
            return "data with padding";
        }
        http2->credit += http2->size;
        if (http2->credit >= WINDOW / 2) {
            put_word(http2, TYPE_WINDOW_UPDATE, 0, http2->credit);
            http2->credit = 0;
        }
        return (http2->flags & END_STREAM) != 0 ? end_stream(connection) : NULL;
    case TYPE_SETTINGS:
    case TYPE_PING:
        if ((http2->flags & ACK) == 0) {
            acknowledge(http2);
        }
        return NULL;
    case TYPE_RST_STREAM:
        return "a stream was reset";
    case TYPE_GOAWAY:
        return "GOAWAY";
    default:
        return NULL;
    }
}

static void begin_frame(struct http2 *http2) {
    const unsigned char *head = http2->head;
    http2->size = http2->left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    http2->kind = head[3];
    http2->flags = head[4];
    http2->stream = (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 |
                    (uint32_t)head[7] << 8 | head[8];
    memset(http2->kept, 0, sizeof(http2->kept));
}

static void keep(struct http2 *http2, const char *data, size_t size) {
    uint32_t at = http2->size - http2->left;
    if (at < KEPT_MAX) {
        memcpy(http2->kept + at, data, size < KEPT_MAX - at ? size : KEPT_MAX - at);
    }
}

const char *http2_take(struct connection *connection, const char *data, size_t size) {
    struct http2 *http2 = connection->http2;
    while (size > 0) {
        size_t part;
        if (http2->have < FRAME_HEAD) {
            part = FRAME_HEAD - http2->have < size ? FRAME_HEAD - http2->have : size;
            memcpy(http2->head + http2->have, data, part);
            http2->have += part;
            if (http2->have == FRAME_HEAD) {
                begin_frame(http2);
            }
        } else {
            part = http2->left < size ? http2->left : size;
            keep(http2, data, part);
            if (http2->kind == TYPE_DATA && !take_data(connection, data, part)) {
                return "a body that is not as it should be";
            }
            http2->left -= (uint32_t)part;
        }
        data += part;
        size -= part;
        if (http2->size > FRAME_MAX) {
            return "a frame that is too large";
        }
        if (http2->have == FRAME_HEAD && http2->left == 0) {
            http2->have = 0;
            const char *wrong = end_frame(connection);
            if (wrong != NULL || connection->state == CLOSED) {
                return wrong;
            }
        }
    }
    return NULL;
}
