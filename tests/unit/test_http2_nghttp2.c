// Our connection and libnghttp2 as its client, in memory: requests and responses of all shapes, in
// parts of all sizes, must come out as they were put in, and neither may find a fault in the other.
#include "http2/request.h"
#include "http2/response.h"
#include "http2_lab.h"

#include <nghttp2/nghttp2.h>

#define REQUESTS 40
#define PIPE_SIZE (1 << 20)

// What a request is like, by its number.
struct shape {
    size_t request_size;  // 0: no body
    size_t response_size; // of the body
    bool has_length, has_trailers, response_trailers;
};

static struct shape shape_of(unsigned number) {
    return (struct shape){
        .request_size = number % 3 == 0 ? 0 : (size_t)number * 3779,
        .response_size = number % 5 == 0 ? 0 : (size_t)number * 7919,
        .has_length = number % 2 == 0,
        .has_trailers = number % 7 == 1 && number % 3 != 0,
        .response_trailers = number % 4 == 1,
    };
}

static char byte_at(unsigned number, size_t at) {
    return (char)((size_t)number * 31 + at * 7);
}

// One request, seen from both sides.
struct trip {
    struct world *world;
    struct http2_stream *stream; // ours
    unsigned number;
    size_t sent, taken;    // of the request's body
    size_t answered, read; // of the response's body
    bool head_sent, request_ended, response_headers, response_ended, trailers_seen;
    struct http2_body body;
};

struct world {
    struct lab lab;
    nghttp2_session *client;
    struct trip trips[REQUESTS];
    uint8_t pipe[PIPE_SIZE]; // from us to the client
    size_t pipe_size;
    unsigned parts; // state of the choice of part sizes
    struct hpack_field items[FIELDS_MAX];
    char text[4096];
    struct http2_list list;
};

static size_t next_part(struct world *world) {
    world->parts = world->parts * 1103515245 + 12345;
    return 1 + (world->parts >> 16) % 5000;
}

static struct trip *trip_of(struct world *world, uint32_t id) {
    assert_true(id % 2 == 1 && id / 2 < REQUESTS);
    return &world->trips[id / 2];
}

// --- our owner ---

static void on_headers(void *owner, struct http2_stream *stream, struct hpack_section *section,
                       bool end) {
    struct world *world = owner;
    struct trip *trip = trip_of(world, stream->id);
    const struct shape shape = shape_of(trip->number);
    struct http2_request request;
    struct http_refusal refusal;
    char path[32];
    assert_false(section->too_large);
    assert_int_equal(
        http2_request_read(section->fields, end, "0123456789abcdef01234567", &request, &refusal),
        RESULT_OK);
    (void)snprintf(path, sizeof path, "/%u?x", trip->number);
    assert_slice(request.http.path, path);
    assert_slice(request.http.authority, "a.example");
    assert_slice(request.http.method, shape.request_size > 0 ? "POST" : "GET");
    unsigned cookies = 0;
    for (uint32_t i = 0; i < section->fields->count; i++) {
        if (slice_equal(section->fields->items[i].name, SLICE("cookie"))) {
            assert_slice(section->fields->items[i].value, "a=b; c=d");
            cookies++;
        }
    }
    assert_int_equal(cookies, 1);
    assert_int_equal(end, shape.request_size == 0);
    trip->request_ended = end;
    trip->stream = stream;
    trip->body = http2_body_of(&request.http);
    stream->owner = trip;
    http2_want(&world->lab.connection, stream, HTTP2_WANTS_FRAME);
}

static void on_trailers(void *owner, struct http2_stream *stream, struct hpack_section *section) {
    struct world *world = owner;
    struct http_refusal refusal;
    assert_int_equal(http2_trailers_read(section->fields, &refusal), RESULT_OK);
    assert_int_equal(section->fields->count, 1);
    assert_slice(section->fields->items[0].value, "of a request");
    trip_of(world, stream->id)->trailers_seen = true;
}

static void on_data(void *owner, struct http2_stream *stream, struct slice data) {
    struct world *world = owner;
    struct trip *trip = trip_of(world, stream->id);
    for (size_t i = 0; i < data.size; i++) {
        assert_int_equal(data.data[i], byte_at(trip->number, trip->taken + i));
    }
    trip->taken += data.size;
    assert_true(http2_body_take(&trip->body, data.size));
    http2_taken(&world->lab.connection, stream, (uint32_t)data.size);
}

static void on_end(void *owner, struct http2_stream *stream) {
    struct trip *trip = trip_of(owner, stream->id);
    assert_int_equal(trip->taken, shape_of(trip->number).request_size);
    assert_true(http2_body_may_end(&trip->body));
    assert_int_equal(trip->trailers_seen, shape_of(trip->number).has_trailers);
    trip->request_ended = true;
}

static void on_reset(void *owner, struct http2_stream *stream, enum http2_code code,
                     const char *why) {
    (void)owner;
    print_error("stream %u reset: %d %s\n", stream->id, code, why == NULL ? "" : why);
    fail();
}

static const struct http2_events events = {on_headers, on_trailers, on_data, on_end, on_reset};

static void send_list(struct world *world, struct trip *trip, bool end) {
    size_t size;
    assert_int_equal(http2_send_headers(&world->lab.connection, trip->stream, world->list.items,
                                        world->list.count, end, world->pipe + world->pipe_size,
                                        PIPE_SIZE - world->pipe_size, &size),
                     RESULT_OK);
    world->pipe_size += size;
}

static void send_head(struct world *world, struct trip *trip) {
    const struct shape shape = shape_of(trip->number);
    char text[256], value[16];
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    struct http_response response;
    struct http_refusal refusal;
    static const struct http_response_framing framing = {.close = true};
    (void)snprintf(value, sizeof value, "%zu", shape.response_size);
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 200 Fine\r\nX-Number: %u\r\nSet-Cookie: a=%u\r\n%s%s%s\r\n",
                        trip->number, trip->number, shape.has_length ? "Content-Length: " : "X: y",
                        shape.has_length ? value : "", "\r\n");
    assert_int_equal(http_parse_response((struct slice){text, (size_t)size}, false, SLICE(""),
                                         &fields, &response, &refusal),
                     RESULT_OK);
    assert_true(http2_list_response(&world->list, &response, &framing, SLICE("now"), false));
    bool end = shape.response_size == 0 && !shape.response_trailers;
    trip->head_sent = true;
    http2_want(&world->lab.connection, trip->stream,
               shape.response_size > 0 ? HTTP2_WANTS_DATA : HTTP2_WANTS_FRAME);
    send_list(world, trip, end);
}

static void send_trailers(struct world *world, struct trip *trip) {
    struct http_field item = {SLICE("X-Sum"), SLICE("of a response"), FIELD_OTHER, false};
    const struct http_fields fields = {&item, 1, 1};
    assert_true(http2_list_trailers(&world->list, &fields));
    send_list(world, trip, true);
}

static void send_body(struct world *world, struct trip *trip) {
    const struct shape shape = shape_of(trip->number);
    size_t room = http2_room(&world->lab.connection, trip->stream);
    size_t size = shape.response_size - trip->answered;
    size_t part = next_part(world);
    size = size < room ? size : room;
    size = size < part ? size : part;
    uint8_t *at = world->pipe + world->pipe_size;
    for (size_t i = 0; i < size; i++) {
        at[FRAME_HEADER_SIZE + i] = (uint8_t)byte_at(trip->number + 1, trip->answered + i);
    }
    trip->answered += size;
    bool all = trip->answered == shape.response_size;
    if (all) {
        http2_want(&world->lab.connection, trip->stream, HTTP2_WANTS_FRAME);
    }
    http2_send_data(&world->lab.connection, trip->stream, (uint32_t)size,
                    all && !shape.response_trailers, at);
    world->pipe_size += FRAME_HEADER_SIZE + size;
}

// One round, as a session has it.
static void send_round(struct world *world) {
    world->pipe_size += http2_output(&world->lab.connection, world->pipe + world->pipe_size,
                                     PIPE_SIZE - world->pipe_size);
    struct http2_stream *stream;
    while (PIPE_SIZE - world->pipe_size > 65536 &&
           (stream = http2_next(&world->lab.connection)) != NULL) {
        struct trip *trip = stream->owner;
        if (!trip->head_sent) {
            send_head(world, trip);
        } else if (trip->answered < shape_of(trip->number).response_size) {
            send_body(world, trip);
        } else {
            send_trailers(world, trip);
        }
    }
}

// --- the client ---

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t capacity,
                         uint32_t *flags, nghttp2_data_source *source, void *context) {
    (void)context;
    struct trip *trip = source->ptr;
    const struct shape shape = shape_of(trip->number);
    size_t size = shape.request_size - trip->sent;
    size = size < capacity ? size : capacity;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)byte_at(trip->number, trip->sent + i);
    }
    trip->sent += size;
    if (trip->sent == shape.request_size) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (shape.has_trailers) {
            static nghttp2_nv nv = {(uint8_t *)"x-sum", (uint8_t *)"of a request", 5, 12, 0};
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            assert_int_equal(nghttp2_submit_trailer(session, id, &nv, 1), 0);
        }
    }
    return (ssize_t)size;
}

#define NV(name, value)                                                                            \
    { (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0 }

static void submit(struct world *world, unsigned number) {
    struct trip *trip = &world->trips[number];
    const struct shape shape = shape_of(number);
    char path[32], length[32];
    *trip = (struct trip){.world = world, .number = number};
    (void)snprintf(path, sizeof path, "/%u?x", number);
    (void)snprintf(length, sizeof length, "%zu", shape.request_size);
    const nghttp2_nv nv[] = {
        NV(":method", shape.request_size > 0 ? "POST" : "GET"),
        NV(":scheme", "https"),
        NV(":path", path),
        NV(":authority", "a.example"),
        NV("cookie", "a=b"),
        NV("x-number", length),
        NV("cookie", "c=d"),
        NV("priority", number % 2 == 0 ? "u=1" : "u=3, i"),
        NV("content-length", length),
    };
    nghttp2_data_provider body = {{.ptr = trip}, read_body};
    bool has_length = shape.has_length && shape.request_size > 0;
    assert_int_equal(nghttp2_submit_request(world->client, NULL, nv, has_length ? 9 : 8,
                                            shape.request_size > 0 ? &body : NULL, trip),
                     (int32_t)(2 * number + 1));
}

static int on_client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context) {
    (void)session;
    struct world *world = context;
    assert_int_not_equal(frame->hd.type, NGHTTP2_RST_STREAM);
    if (frame->hd.stream_id == 0) {
        return 0;
    }
    struct trip *trip = trip_of(world, (uint32_t)frame->hd.stream_id);
    trip->response_headers |= frame->hd.type == NGHTTP2_HEADERS;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.type <= NGHTTP2_HEADERS) {
        trip->response_ended = true;
    }
    return 0;
}

static int on_client_header(nghttp2_session *session, const nghttp2_frame *frame,
                            const uint8_t *name, size_t name_size, const uint8_t *value,
                            size_t value_size, uint8_t flags, void *context) {
    (void)session;
    const struct trip *trip = trip_of(context, (uint32_t)frame->hd.stream_id);
    struct slice field = {(const char *)name, name_size};
    struct slice text = {(const char *)value, value_size};
    char number[16];
    (void)snprintf(number, sizeof number, "%u", trip->number);
    if (slice_equal(field, SLICE("x-number"))) {
        assert_slice(text, number);
    }
    if (slice_equal(field, SLICE("set-cookie"))) {
        assert_true((flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
    }
    assert_false(slice_equal(field, SLICE("connection")));
    return 0;
}

static int on_client_invalid(nghttp2_session *session, const nghttp2_frame *frame, int code,
                             void *context) {
    (void)session;
    (void)context;
    print_error("frame of type %d: %s\n", frame->hd.type, nghttp2_strerror(code));
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_client_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                          size_t size, void *context) {
    (void)session;
    (void)flags;
    struct trip *trip = trip_of(context, (uint32_t)id);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal((char)data[i], byte_at(trip->number + 1, trip->read + i));
    }
    trip->read += size;
    return 0;
}

static void begin_client(struct world *world) {
    nghttp2_session_callbacks *callbacks;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_client_frame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_client_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_client_data);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_client_invalid);
    assert_int_equal(nghttp2_session_client_new(&world->client, callbacks, world), 0);
    nghttp2_session_callbacks_del(callbacks);
}

static void client_to_us(struct world *world) {
    const uint8_t *bytes;
    ssize_t size;
    while ((size = nghttp2_session_mem_send(world->client, &bytes)) > 0) {
        for (size_t at = 0; at < (size_t)size;) {
            size_t part = next_part(world), left = (size_t)size - at, used;
            enum result result = http2_receive(&world->lab.connection, bytes + at,
                                               part < left ? part : left, &used, world->lab.now_ms);
            if (result == RESULT_ERROR) {
                print_error("%s\n", world->lab.connection.fault.why);
            }
            assert_int_not_equal(result, RESULT_ERROR);
            at += used;
            if (result == RESULT_AGAIN) {
                send_round(world);
            }
        }
    }
    assert_int_equal(size, 0);
}

static void us_to_client(struct world *world) {
    for (size_t at = 0; at < world->pipe_size;) {
        size_t part = next_part(world), left = world->pipe_size - at;
        ssize_t used =
            nghttp2_session_mem_recv(world->client, world->pipe + at, part < left ? part : left);
        assert_true(used > 0);
        at += (size_t)used;
    }
    world->pipe_size = 0;
}

static void begin_world(struct world *world, const struct http2_limits *limits, unsigned seed) {
    memset(world, 0, sizeof *world);
    lab_begin_with(&world->lab, limits);
    world->lab.shared.events = &events;
    world->lab.connection.owner = world;
    world->parts = seed;
    world->list = (struct http2_list){
        world->items, FIELDS_MAX, world->text, sizeof world->text, 0, 0, false, false};
    begin_client(world);
}

static void check_done(const struct world *world) {
    for (unsigned i = 0; i < REQUESTS; i++) {
        const struct trip *trip = &world->trips[i];
        assert_true(trip->request_ended && trip->response_headers && trip->response_ended);
        assert_int_equal(trip->taken, shape_of(i).request_size);
        assert_int_equal(trip->read, shape_of(i).response_size);
    }
    assert_int_equal(world->lab.connection.stream_count, 0);
    assert_int_equal(world->lab.connection.held, 0);
}

static void check_talk(uint32_t stream_window, uint32_t table, uint32_t frame_size, unsigned seed) {
    static struct world world;
    struct http2_limits limits = lab_limits();
    limits.stream_window = stream_window;
    limits.connection_window = limits.held_max = stream_window < 65535 ? 65535 : stream_window;
    begin_world(&world, &limits, seed);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, table},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, frame_size},
    };
    assert_int_equal(nghttp2_submit_settings(world.client, NGHTTP2_FLAG_NONE, settings, 3), 0);
    unsigned next = 0;
    for (unsigned round = 0; round < 20000; round++) {
        if (next < REQUESTS && round % 3 == 0) {
            submit(&world, next++);
        }
        if (round % 50 == 49) {
            assert_int_equal(nghttp2_submit_ping(world.client, NGHTTP2_FLAG_NONE, NULL), 0);
            http2_rest(&world.lab.connection);
        }
        client_to_us(&world);
        send_round(&world);
        us_to_client(&world);
        bool busy = next < REQUESTS || world.lab.connection.stream_count > 0 ||
                    nghttp2_session_want_write(world.client) ||
                    http2_has_output(&world.lab.connection);
        if (!busy) {
            break;
        }
    }
    check_done(&world);
    // nghttp2 does not answer the PING, as it has no stream left and is about to close.
    http2_shutdown(&world.lab.connection, world.lab.now_ms);
    send_round(&world);
    us_to_client(&world);
    client_to_us(&world);
    assert_int_equal(http2_tick(&world.lab.connection, world.lab.now_ms + 1000), RESULT_OK);
    send_round(&world);
    assert_true(http2_is_drained(&world.lab.connection));
    assert_int_equal(nghttp2_session_want_read(world.client), 0);
    nghttp2_session_del(world.client);
    lab_end(&world.lab);
}

static void test_talks(void **state) {
    (void)state;
    check_talk(65535, 4096, 16384, 1);
    check_talk(1000, 0, 16384, 2);
    check_talk(50, 65536, 65536, 3);
    check_talk(1 << 20, 100, 16777215, 4);
    for (unsigned seed = 5; seed < 15; seed++) {
        check_talk(65535 - seed * 4000, seed * 400, 16384 + seed, seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
