// A whole session of HTTP/2: frames of a client, bytes of servers, reloads, time-outs and shut
// windows, in any order. What servers receive is read strictly, and so is every frame that the
// client receives.
//
// Input: acts, a byte each, with what it needs: see lab_run().
#include "exchange_lab.h"
#include "http/websocket.h"
#include "http2/connection.h"
#include "session/http2_internal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
enum { ACTIONS_MAX = 80, RELOADS_MAX = 2, STREAMS_MAX = 64, FIELDS_MAX = 200 };

enum action {
    CLIENT_SENDS, // bytes as they are
    CLIENT_FRAME, // a frame of these bytes
    SERVER_SENDS,
    CLIENT_REQUESTS,
    CLIENT_DATA,
    CLIENT_WINDOWS,
    CLIENT_RESETS,
    SERVER_ANSWERS,
    SERVER_OPENS,
    SHARED_ACTS, // and the rest of enum lab_act
    DRAINS_STREAMS = SHARED_ACTS + LAB_ACT_COUNT,
    ACTION_COUNT,
};

static const char *const responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n1\nb\n1\nc\n0\n\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 413 Content Too Large\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nX-Long: ",
};

static struct lab lab;
static uint32_t next_stream;
static uint32_t first_websocket; // its stream; 0: none
static bool opens;               // a server has accepted a WebSocket
static bool sent_raw;            // streams may be anything

// --- the client ---

static void send_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
                       size_t size) {
    static uint8_t frame[FRAME_HEADER_SIZE + 16384];
    size = size < 16384 ? size : 16384;
    frame_write_header(frame, &(struct frame_header){(uint32_t)size, stream, type, flags});
    if (size > 0) {
        memcpy(frame + FRAME_HEADER_SIZE, payload, size);
    }
    lab_client_sends(&lab, frame, FRAME_HEADER_SIZE + size);
}

static size_t put_field(uint8_t *at, const char *name, const char *value) {
    const struct slice texts[] = {slice_from(name), slice_from(value)};
    size_t size = 0;
    at[size++] = 0x40; // into the table
    for (int i = 0; i < 2; i++) {
        at[size++] = (uint8_t)texts[i].size;
        memcpy(at + size, texts[i].data, texts[i].size);
        size += texts[i].size;
    }
    return size;
}

static void send_request(unsigned number) {
    static const char *const paths[] = {"/", "/a", "/a/b?c"};
    uint8_t block[512];
    bool websocket = number % 16 == 15, has_body = number % 2 != 0 || websocket;
    size_t size = put_field(block, ":method",
                            websocket         ? "CONNECT"
                            : has_body        ? "POST"
                            : number % 8 == 6 ? "HEAD"
                                              : "GET");
    if (websocket) {
        first_websocket = first_websocket == 0 ? next_stream : first_websocket;
        size += put_field(block + size, ":protocol", "websocket");
    }
    size += put_field(block + size, ":scheme", "https");
    size += put_field(block + size, ":authority", "a.test");
    size += put_field(block + size, ":path", paths[number % 3]);
    if (number % 8 == 3) {
        size += put_field(block + size, "content-length", "7");
    }
    if (number % 8 == 5) {
        size += put_field(block + size, "expect", "100-continue");
    }
    send_frame(FRAME_HEADERS, FRAME_END_HEADERS | (has_body ? 0 : FRAME_END_STREAM), next_stream,
               block, size);
    next_stream += 2;
}

static uint32_t recent_stream(unsigned number) {
    uint32_t back = 2 * (number / 16 + 1);
    return next_stream > back ? next_stream - back : 1;
}

static void send_32(uint8_t type, uint32_t stream, uint32_t value) {
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    send_frame(type, 0, stream, bytes, sizeof(bytes));
}

// --- the server ---

// Accepts the WebSocket that the server was asked for first.
static void open_websocket(void) {
    char text[200], accept[WEBSOCKET_ACCEPT_SIZE];
    const struct fake_server *server = lab_server(&lab);
    if (server == NULL) {
        return;
    }
    size_t head = head_end(server->received.data, server->received.size);
    struct slice key =
        http_head_field((struct slice){server->received.data, head}, SLICE("Sec-WebSocket-Key"));
    if (head == 0 || key.size != WEBSOCKET_KEY_SIZE) {
        return;
    }
    websocket_write_accept(key, accept);
    int size = snprintf(text, sizeof(text),
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Accept: %.*s\r\n\r\nhello",
                        WEBSOCKET_ACCEPT_SIZE, accept);
    opens = true;
    lab_server_sends(&lab, (const uint8_t *)text, (size_t)size);
}

// --- acts ---

// Whatever the sides wait for has not come in time.
static void time_out_sides(void) {
    if (!lab_is_open(&lab) || lab.session->http2 == NULL) {
        return;
    }
    struct list_node *sides = &lab.session->http2->sides;
    if (!list_is_empty(sides)) {
        struct http2_side *side = LIST_ENTRY(sides->next, struct http2_side, node);
        wheel_remove(&lab.service->sessions.wheel, &side->due);
        side->deadline_ms = 1;
        side->due.due(&side->due);
    }
}

static void act(unsigned action, const uint8_t *data, size_t size, unsigned number) {
    switch ((enum action)action) {
    case CLIENT_SENDS:
        sent_raw = true;
        lab_client_sends(&lab, data, size);
        break;
    case CLIENT_FRAME:
        if (size >= 3) {
            send_frame(data[0] % 18, data[1], data[2] % 8 == 7 ? 0 : recent_stream(data[2]),
                       data + 3, size - 3);
        }
        break;
    case SERVER_SENDS:
        lab_server_sends(&lab, data, size);
        break;
    case CLIENT_REQUESTS:
        send_request(number);
        break;
    case CLIENT_DATA:
        send_frame(FRAME_DATA, number % 4 == 0 ? FRAME_END_STREAM : 0, recent_stream(number),
                   lab_filler(), (size_t)(number % 16) * (number % 3 == 0 ? 1 : 1000));
        break;
    case CLIENT_WINDOWS:
        send_32(FRAME_WINDOW_UPDATE, number % 2 == 0 ? 0 : recent_stream(number),
                1U << number % 20);
        break;
    case CLIENT_RESETS:
        send_32(FRAME_RST_STREAM, recent_stream(number), number % 14);
        break;
    case SERVER_ANSWERS: {
        const char *text = responses[number % COUNT_OF(responses)];
        lab_server_sends(&lab, (const uint8_t *)text, strlen(text));
        break;
    }
    case SERVER_OPENS:
        open_websocket();
        break;
    case DRAINS_STREAMS:
        time_out_sides();
        break;
    default:
        lab_act(&lab, action - SHARED_ACTS, number);
        break;
    }
}

// --- what must be true afterwards ---

// The first request of each connection; what follows it depends on its body.
static void check_server(const struct fake_server *server) {
    struct strict_message message;
    size_t head = head_end(server->received.data, server->received.size);
    if (head > 0) {
        strict_request_head(server->received.data, head, &message);
        CHECK(message.counts[STRICT_TRANSFER_ENCODING] == 0 ||
              message.counts[STRICT_CONTENT_LENGTH] == 0);
    }
}

struct client_book {
    struct hpack_decoder decoder;
    struct hpack_memory memory;
    struct http_field items[FIELDS_MAX];
    char text[1 << 17];
    uint8_t block[1 << 17];
    size_t block_size;
    uint32_t block_stream;
    bool block_ends;
    bool ended[STREAMS_MAX], reset[STREAMS_MAX];
};

static struct client_book book;

static void check_section(uint32_t stream) {
    struct http_fields fields = {book.items, 0, FIELDS_MAX};
    struct http2_fault fault;
    struct hpack_section section = {.fields = &fields,
                                    .text = book.text,
                                    .text_capacity = sizeof(book.text),
                                    .list_size_max = sizeof(book.text)};
    struct slice block = {(const char *)book.block, book.block_size};
    CHECK(hpack_decode(&book.decoder, &book.memory, block, &section, &fault) == RESULT_OK);
    CHECK(section.malformed == NULL);
    if (stream == first_websocket && !opens && !sent_raw && fields.count > 0) {
        CHECK(!slice_equal(fields.items[0].name, SLICE(":status")) ||
              fields.items[0].value.data[0] != '2');
    }
}

static void check_fragment(const struct frame_header *header, const uint8_t *payload) {
    CHECK(book.block_size + header->length <= sizeof(book.block));
    memcpy(book.block + book.block_size, payload, header->length);
    book.block_size += header->length;
    book.block_stream = (header->flags & FRAME_END_HEADERS) != 0 ? 0 : header->stream;
    if (book.block_stream == 0) {
        check_section(header->stream);
    }
}

static void check_frame(const struct frame_header *header, const uint8_t *payload) {
    size_t index = header->stream / 2 % STREAMS_MAX;
    bool carries = header->type == FRAME_DATA || header->type == FRAME_HEADERS;
    CHECK(header->length <= FRAME_SIZE_DEFAULT);
    CHECK(book.block_stream == 0 ||
          (header->type == FRAME_CONTINUATION && header->stream == book.block_stream));
    CHECK(!carries || header->stream % 2 == 1);
    if (carries && header->stream / 2 < STREAMS_MAX) {
        CHECK(!book.ended[index] && !book.reset[index]);
        book.ended[index] = (header->flags & FRAME_END_STREAM) != 0;
    }
    switch (header->type) {
    case FRAME_HEADERS:
        book.block_size = 0;
        check_fragment(header, payload);
        break;
    case FRAME_CONTINUATION:
        check_fragment(header, payload);
        break;
    case FRAME_RST_STREAM:
        CHECK(header->length == 4 && header->stream != 0);
        book.reset[index] = book.reset[index] || header->stream / 2 < STREAMS_MAX;
        break;
    case FRAME_DATA:
    case FRAME_SETTINGS:
    case FRAME_PING:
    case FRAME_GOAWAY:
    case FRAME_WINDOW_UPDATE:
        break;
    default:
        CHECK(false);
    }
}

static void check_client(void) {
    const uint8_t *at = (const uint8_t *)lab.received.data;
    size_t left = lab.received.size;
    memset(&book, 0, sizeof(book));
    hpack_memory_init(&book.memory, 0);
    while (left >= FRAME_HEADER_SIZE && lab.received.size < STREAM_MAX / 2) {
        struct frame_header header;
        frame_read_header(at, &header);
        if (left < FRAME_HEADER_SIZE + header.length) {
            break;
        }
        check_frame(&header, at + FRAME_HEADER_SIZE);
        at += FRAME_HEADER_SIZE + header.length;
        left -= FRAME_HEADER_SIZE + header.length;
    }
    hpack_decoder_free(&book.decoder, &book.memory);
    CHECK(book.memory.used == 0);
}

static void clean_up(void) {
    lab_remove_files(&lab);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    lab_start(&lab);
    (void)atexit(clean_up);
    return 0;
}

static const struct lab_acts acts = {
    .count = ACTION_COUNT,
    .with_data = SERVER_SENDS + 1,
    .reload = SHARED_ACTS + LAB_RELOADS,
    .acts_max = ACTIONS_MAX,
    .reloads_max = RELOADS_MAX,
    .size_mask = 0x0FFF,
    .act = act,
};

static void greet(uint8_t number) {
    uint8_t setting[6] = {0, SETTING_INITIAL_WINDOW_SIZE, 0, 0, number, number};
    lab_client_sends(&lab, (const uint8_t *)FRAME_PREFACE, sizeof(FRAME_PREFACE) - 1);
    send_frame(FRAME_SETTINGS, 0, 0, setting, number % 4 == 0 ? 0 : sizeof(setting));
    send_frame(FRAME_SETTINGS, FRAME_ACK, 0, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    lab_connect(&lab, true);
    http2_enter(lab.session);
    session_wait(lab.session);
    next_stream = 1;
    first_websocket = 0;
    opens = sent_raw = false;
    if (data[0] % 8 != 0) {
        greet(data[1]);
    }
    lab_run(&acts, data + 2, size - 2);
    lab_finish(&lab);
    for (size_t i = 0; i < lab.server_count; i++) {
        check_server(&lab.servers[i]);
    }
    check_client();
    CHECK(lab.service->sessions.http2.memory.used == 0);
    CHECK(metrics_sum(lab.metrics, 1, METRIC_sessions_http2) == 0);
    if (lab.config != 0) {
        lab_reload(&lab, 0);
    }
    return 0;
}
