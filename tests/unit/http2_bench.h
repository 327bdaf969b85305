// A session that speaks HTTP/2 between a client and servers made of memory: http1_bench.h with
// frames. The client reads every frame that comes, and gives windows as a test says. No loop runs.
//
// What the client gets is text, for each stream: heads as "{200 name=value}", data as it is, ends
// as "{end}" or "{end name=value}", resets as "{reset 2}".
#ifndef RAVELIN_TESTS_HTTP2_BENCH_H
#define RAVELIN_TESTS_HTTP2_BENCH_H

#include "http1_bench.h"
#include "http2/connection.h"
#include "session/http2_internal.h"

enum { H2_STREAMS = 16, H2_TEXT_SIZE = 1 << 19, H2_FRAME_MAX = 1 << 15, FIELDS_COUNT = 1000 };

struct h2_stream_text {
    size_t size;
    char text[H2_TEXT_SIZE];
    bool ended, reset;
};

struct h2_client {
    uint32_t window;    // SETTINGS_INITIAL_WINDOW_SIZE; 0: none is sent
    bool keeps_windows; // gives no more
    bool quiet;         // acknowledges nothing
    size_t read;        // of client.output, as opened
    size_t plain_size;
    uint8_t *plain; // what came, opened
    size_t opened;  // bytes of client.output
    size_t parsed;  // of plain
    uint32_t goaways, last_stream, code, pings, settings, data_frames;
    struct hpack_decoder decoder;
    struct hpack_memory memory;
    struct http_field items[FIELDS_COUNT];
    uint32_t in_block; // stream of a header block that is not whole
    bool block_ends;
    size_t block_size;
    char text[H2_TEXT_SIZE];
    char block[H2_TEXT_SIZE];
    struct h2_stream_text streams[H2_STREAMS];
};

static struct h2_client h2;

// --- what the client says ---

static inline void h2_put_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
                                size_t size) {
    uint8_t frame[FRAME_HEADER_SIZE + H2_FRAME_MAX];
    assert_true(size <= H2_FRAME_MAX);
    frame_write_header(frame, &(struct frame_header){(uint32_t)size, stream, type, flags});
    if (size > 0) {
        memcpy(frame + FRAME_HEADER_SIZE, payload, size);
    }
    client_says((const char *)frame, FRAME_HEADER_SIZE + size);
}

static inline void h2_put_32(uint8_t bytes[4], uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

// "name: value" lines, each ending in LF, as literals that enter no table.
static inline size_t h2_block(const char *lines, uint8_t *block) {
    size_t size = 0;
    while (*lines != '\0') {
        const char *colon = strchr(lines + 1, ':');
        const char *end = strchr(lines, '\n');
        assert_true(colon != NULL && end != NULL && colon < end);
        size_t name = (size_t)(colon - lines), value = (size_t)(end - colon - 2);
        assert_true(name < 127 && value < 127 + 128);
        block[size++] = 0;
        block[size++] = (uint8_t)name;
        memcpy(block + size, lines, name);
        size += name;
        if (value >= 127) {
            block[size++] = 127;
            block[size++] = (uint8_t)(value - 127);
        } else {
            block[size++] = (uint8_t)value;
        }
        memcpy(block + size, colon + 2, value);
        size += value;
        lines = end + 1;
    }
    return size;
}

static inline void h2_put_headers(uint32_t stream, const char *lines, bool end) {
    uint8_t block[4096];
    size_t size = h2_block(lines, block);
    h2_put_frame(FRAME_HEADERS, FRAME_END_HEADERS | (end ? FRAME_END_STREAM : 0), stream, block,
                 size);
}

static inline void h2_get(uint32_t stream, const char *path) {
    char lines[300];
    (void)snprintf(lines, sizeof(lines),
                   ":method: GET\n:scheme: https\n:authority: a.test\n:path: %s\n", path);
    h2_put_headers(stream, lines, true);
}

// `more`: further lines.
static inline void h2_post(uint32_t stream, const char *path, const char *more) {
    char lines[600];
    (void)snprintf(lines, sizeof(lines),
                   ":method: POST\n:scheme: https\n:authority: a.test\n:path: %s\n%s", path, more);
    h2_put_headers(stream, lines, false);
}

static inline void h2_data(uint32_t stream, const char *data, size_t size, bool end) {
    h2_put_frame(FRAME_DATA, end ? FRAME_END_STREAM : 0, stream, data, size);
}

static inline void h2_window(uint32_t stream, uint32_t increment) {
    uint8_t bytes[4];
    h2_put_32(bytes, increment);
    h2_put_frame(FRAME_WINDOW_UPDATE, 0, stream, bytes, 4);
}

static inline void h2_reset_stream(uint32_t stream, uint32_t code) {
    uint8_t bytes[4];
    h2_put_32(bytes, code);
    h2_put_frame(FRAME_RST_STREAM, 0, stream, bytes, 4);
}

static inline void h2_greet(void) {
    uint8_t window[6] = {0, SETTING_INITIAL_WINDOW_SIZE};
    client_says(FRAME_PREFACE, sizeof(FRAME_PREFACE) - 1);
    h2_put_32(window + 2, h2.window);
    h2_put_frame(FRAME_SETTINGS, 0, 0, window, h2.window == 0 ? 0 : 6);
}

// --- what the client gets ---

static inline struct h2_stream_text *h2_text_of(uint32_t stream) {
    assert_true(stream % 2 == 1 && stream / 2 < H2_STREAMS);
    return &h2.streams[stream / 2];
}

static inline const char *h2_got(uint32_t stream) {
    return h2_text_of(stream)->text;
}

static inline void h2_add(uint32_t stream, const char *text, size_t size) {
    struct h2_stream_text *to = h2_text_of(stream);
    assert_true(to->size + size < H2_TEXT_SIZE);
    assert_false(to->reset || to->ended);
    memcpy(to->text + to->size, text, size);
    to->size += size;
    to->text[to->size] = '\0';
}

static inline void h2_add_section(uint32_t stream, struct slice block, bool end) {
    struct http_fields fields = {h2.items, 0, FIELDS_COUNT};
    struct http2_fault fault;
    struct hpack_section section = {.fields = &fields,
                                    .text = h2.text,
                                    .text_capacity = H2_TEXT_SIZE,
                                    .list_size_max = H2_TEXT_SIZE / 2};
    assert_int_equal(hpack_decode(&h2.decoder, &h2.memory, block, &section, &fault), RESULT_OK);
    assert_true(!section.too_large && section.malformed == NULL);
    bool head = fields.count > 0 && slice_equal(fields.items[0].name, SLICE(":status"));
    h2_add(stream, head ? "{" : "{end", head ? 1 : 4);
    for (uint32_t i = 0; i < fields.count; i++) {
        const struct http_field *field = &fields.items[i];
        if (slice_equal(field->name, SLICE("date"))) {
            continue;
        }
        if (i > 0 || !head) {
            h2_add(stream, " ", 1);
            h2_add(stream, field->name.data, field->name.size);
            h2_add(stream, "=", 1);
        }
        h2_add(stream, field->value.data, field->value.size);
    }
    h2_add(stream, "}", 1);
    if (end && head) {
        h2_add(stream, "{end}", 5);
    }
    h2_text_of(stream)->ended = end;
}

static inline void h2_take_reset(uint32_t stream, const uint8_t *payload) {
    char text[32];
    (void)snprintf(text, sizeof(text), "{reset %u}", frame_read_32(payload));
    if (h2_text_of(stream)->ended) { // early: what still comes is not wanted
        h2_text_of(stream)->ended = false;
    }
    h2_add(stream, text, strlen(text));
    h2_text_of(stream)->reset = true;
}

static inline void h2_take_data(const struct frame_header *header, const uint8_t *payload) {
    bool end = (header->flags & FRAME_END_STREAM) != 0;
    h2_add(header->stream, (const char *)payload, header->length);
    if (end) {
        h2_add(header->stream, "{end}", 5);
        h2_text_of(header->stream)->ended = true;
    }
    if (header->length > 0 && !h2.keeps_windows) {
        h2_window(0, header->length);
        if (!end) {
            h2_window(header->stream, header->length);
        }
    }
}

static inline void h2_take_fragment(const struct frame_header *header, const uint8_t *payload) {
    assert_true(h2.block_size + header->length <= H2_TEXT_SIZE);
    memcpy(h2.block + h2.block_size, payload, header->length);
    h2.block_size += header->length;
    h2.in_block = (header->flags & FRAME_END_HEADERS) == 0 ? header->stream : 0;
    if (h2.in_block == 0) {
        h2_add_section(header->stream, (struct slice){h2.block, h2.block_size}, h2.block_ends);
    }
}

static inline void h2_take_frame(const struct frame_header *header, const uint8_t *payload) {
    bool ack = (header->flags & FRAME_ACK) != 0;
    assert_true(h2.in_block == 0 ||
                (header->type == FRAME_CONTINUATION && header->stream == h2.in_block));
    switch (header->type) {
    case FRAME_HEADERS:
        h2.block_size = 0;
        h2.block_ends = (header->flags & FRAME_END_STREAM) != 0;
        h2_take_fragment(header, payload);
        break;
    case FRAME_CONTINUATION:
        h2_take_fragment(header, payload);
        break;
    case FRAME_DATA:
        h2.data_frames++;
        h2_take_data(header, payload);
        break;
    case FRAME_RST_STREAM:
        h2_take_reset(header->stream, payload);
        break;
    case FRAME_SETTINGS:
        h2.settings++;
        if (!ack && !h2.quiet) {
            h2_put_frame(FRAME_SETTINGS, FRAME_ACK, 0, "", 0);
        }
        break;
    case FRAME_PING:
        h2.pings++;
        if (!ack && !h2.quiet) {
            h2_put_frame(FRAME_PING, FRAME_ACK, 0, payload, 8);
        }
        break;
    case FRAME_GOAWAY:
        h2.goaways++;
        h2.last_stream = frame_read_31(payload);
        h2.code = frame_read_32(payload + 4);
        break;
    default:
        assert_int_equal(header->type, FRAME_WINDOW_UPDATE);
        break;
    }
}

// Opens what has come of whole records.
static inline void h2_open(void) {
    while (client.faults->secure && h2.opened < client.output_size) {
        size_t record_size, payload_size;
        enum record_event event;
        uint8_t *payload, *record = client.output + h2.opened;
        assert_int_equal(
            record_measure(&client.records, record, client.output_size - h2.opened, &record_size),
            RESULT_OK);
        if (record_size == 0 || record_size > client.output_size - h2.opened) {
            return;
        }
        assert_int_equal(record_open(&client.records, client.engine, record, record_size, &event,
                                     &payload, &payload_size),
                         RESULT_OK);
        if (event == RECORD_EVENT_DATA) {
            memcpy(h2.plain + h2.plain_size, payload, payload_size);
            h2.plain_size += payload_size;
        }
        h2.opened += record_size;
    }
    if (!client.faults->secure) {
        memcpy(h2.plain + h2.plain_size, client.output + h2.opened, client.output_size - h2.opened);
        h2.plain_size += client.output_size - h2.opened;
        h2.opened = client.output_size;
    }
}

// What the client does with its memory is its own: see no_memory.h.
static inline void h2_pause_memory(bool pause) {
#ifdef RAVELIN_TESTS_NO_MEMORY_H
    no_memory.paused = pause;
#else
    (void)pause;
#endif
}

// Reads all whole frames. False: there is none.
static inline bool h2_read(void) {
    bool any = false;
    h2_pause_memory(true);
    h2_open();
    while (h2.plain_size - h2.parsed >= FRAME_HEADER_SIZE) {
        struct frame_header header;
        const uint8_t *at = h2.plain + h2.parsed;
        frame_read_header(at, &header);
        if (h2.plain_size - h2.parsed < FRAME_HEADER_SIZE + header.length) {
            break;
        }
        assert_true(header.length <= FRAME_SIZE_DEFAULT);
        h2_take_frame(&header, at + FRAME_HEADER_SIZE);
        h2.parsed += FRAME_HEADER_SIZE + header.length;
        any = true;
    }
    h2_pause_memory(false);
    return any;
}

// --- setting up ---

static inline struct exchange *h2_exchange_of(int fd) {
    const struct http2 *http2 = client.session->http2;
    if (http2 == NULL) {
        return NULL;
    }
    for (struct list_node *node = http2->sides.next; node != &http2->sides; node = node->next) {
        struct exchange *exchange = LIST_ENTRY(node, struct http2_side, node)->exchange;
        if (exchange != NULL && exchange->attempt.lease != NULL &&
            exchange->attempt.lease->fd == fd) {
            return exchange;
        }
    }
    return NULL;
}

static inline int h2_start(const char *limits) {
    (void)http1_start(limits);
    bench.exchange_of = h2_exchange_of;
    h2.window = 0;
    h2.keeps_windows = h2.quiet = false;
    return http2_sessions_init(&client.sessions) ? 0 : -1;
}

static inline int h2_set_up(void **state) {
    (void)state;
    return h2_start("");
}

static inline int h2_tear_down(void **state) {
    if (client.session == NULL) {
        http2_sessions_free(&client.sessions);
    }
    return http1_tear_down(state);
}

static inline void h2_begin(const struct client_faults *faults) {
    uint32_t window = h2.window;
    bool keeps_windows = h2.keeps_windows, quiet = h2.quiet;
    client_open(faults);
    http2_enter(client.session);
    session_wait(client.session);
    memset(&h2, 0, offsetof(struct h2_client, text));
    for (size_t i = 0; i < H2_STREAMS; i++) {
        h2.streams[i].size = 0;
        h2.streams[i].text[0] = '\0';
        h2.streams[i].ended = h2.streams[i].reset = false;
    }
    h2.window = window;
    h2.keeps_windows = keeps_windows;
    h2.quiet = quiet;
    h2.plain = bench_malloc(CLIENT_BYTES_MAX);
    hpack_memory_init(&h2.memory, 0);
    h2_greet();
}

// --- running ---

// What every event leaves behind.
static inline void h2_check(void) {
    if (is_closed() || client.session->http2 == NULL) {
        return;
    }
    const struct http2 *http2 = client.session->http2;
    const struct send_buffer *send = client.session->transport.send;
    assert_null(http2->turn);
    assert_true(list_is_empty(&http2->fresh));
    assert_true(send == NULL || send->span_count == 0);
    assert_true(http2->lent != NULL || send == NULL || room_unread(&send->room) == 0);
    uint64_t held = 0;
    for (struct list_node *node = http2->sides.next; node != &http2->sides; node = node->next) {
        const struct http2_side *side = LIST_ENTRY(node, struct http2_side, node);
        assert_non_null(side->exchange);
        assert_int_equal(side->run_count, 0);
        assert_null(side->frame);
        size_t kept = side->given + buffer_size(&side->waiting);
        held += kept;
        assert_true(side->wire == NULL || kept <= side->wire->held);
        bench.exchange = side->exchange;
        check_unread();
        if (list_is_empty(&side->ready)) {
            check_watchers();
        }
    }
    bench.exchange = NULL;
    assert_true(held <= http2->limits.held_max);
}

static inline bool h2_servers(bool (*becomes)(void)) {
    bool any = false;
    for (size_t i = 0; i < bench.connection_count && !is_closed(); i++) {
        bench.exchange = bench.connections[i].open ? h2_exchange_of(FIRST_FD + (int)i) : NULL;
        if (bench.exchange != NULL) {
            any |= becomes();
        }
        bench.exchange = NULL;
    }
    return any;
}

static inline bool h2_event_happens(uint32_t which) {
    switch (which % 6) {
    case 0:
        return h2_servers(server_becomes_readable);
    case 1:
        return client_becomes_readable();
    case 2:
        return h2_servers(server_becomes_writable);
    case 3:
        return client_becomes_writable();
    case 4:
        return h2_read();
    default:
        return session_has_turn();
    }
}

static inline bool h2_event(uint32_t which) {
    bool happens = !is_closed() && h2_event_happens(which);
    if (list_is_empty(&client.session->turn_node)) {
        h2_check();
    }
    return happens;
}

static inline void h2_run(void) {
    client_run_events(h2_event, 6);
}

static inline void h2_pass_time(int64_t ms) {
    bench.shared.now_ms += ms;
    client.sessions.shared.now_ms += ms;
    client.sessions.shared.turn_us += ms * 1000;
    struct wheel_node *node;
    while ((node = wheel_take(&client.sessions.wheel, client.sessions.shared.now_ms)) != NULL) {
        node->due(node);
    }
    h2_run();
}

static inline void h2_finish(void) {
    hpack_decoder_free(&h2.decoder, &h2.memory);
    free(h2.plain);
    h2.plain = NULL;
    client_finish();
    assert_int_equal(client.sessions.http2.memory.used, 0);
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_sessions_http2), 0);
}

#define H2_TEST(function) cmocka_unit_test_setup_teardown(function, h2_set_up, h2_tear_down)

#endif
