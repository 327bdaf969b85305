#include "base/clock.h"
#include "http2/connection_internal.h"

// --- begin and end ---

void http2_shared_init(struct http2_shared *shared, const struct http2_events *events,
                       struct http_fields *fields, char *text, size_t text_capacity) {
    *shared = (struct http2_shared){
        .events = events, .fields = fields, .text = text, .text_capacity = text_capacity};
    slab_init(&shared->streams, sizeof(struct http2_stream), 64);
    hpack_memory_init(&shared->memory, 0);
}

static void greet(struct http2_connection *connection) {
    const struct http2_limits *limits = connection->limits;
    const struct frame_parameter parameters[] = {
        {SETTING_MAX_CONCURRENT_STREAMS, limits->streams},
        {SETTING_INITIAL_WINDOW_SIZE, limits->stream_window},
        {SETTING_MAX_HEADER_LIST_SIZE, limits->header_list_size},
        {SETTING_ENABLE_CONNECT_PROTOCOL, 1},
        {SETTING_NO_RFC7540_PRIORITIES, 1},
    };
    struct builder output = connection_output(connection);
    frame_put_settings(&output, parameters, sizeof parameters / sizeof parameters[0]);
    if (limits->connection_window > FRAME_WINDOW_DEFAULT) {
        frame_put_window_update(&output, 0, limits->connection_window - FRAME_WINDOW_DEFAULT);
    }
    connection_wrote(connection, &output);
}

void http2_init(struct http2_connection *connection, struct http2_shared *shared,
                const struct http2_limits *limits, void *owner, int64_t now_ms) {
    *connection = (struct http2_connection){
        .shared = shared,
        .limits = limits,
        .owner = owner,
        .now_ms = now_ms,
        .started_ms = now_ms,
        .refilled_ms = now_ms,
        .final_stream = FRAME_STREAM_MAX,
        .send_window = FRAME_WINDOW_DEFAULT,
        .receive_window = (int32_t)limits->connection_window,
        .target = limits->connection_window,
        .peer_window = FRAME_WINDOW_DEFAULT,
        .peer_frame_size = FRAME_SIZE_DEFAULT,
    };
    memset(connection->closed, 0xff, sizeof connection->closed);
    schedule_init(connection);
    list_init(&connection->owing);
    list_init(&connection->lingering);
    hpack_encoder_init(&connection->encoder);
    greet(connection);
}

void http2_free(struct http2_connection *connection) {
    for (size_t i = 0; i < HTTP2_BUCKETS; i++) {
        while (connection->buckets[i] != NULL) {
            streams_close(connection, connection->buckets[i], STREAM_ENDED);
        }
    }
    buffer_free(&connection->reader.parts);
    hpack_decoder_free(&connection->decoder, &connection->shared->memory);
    hpack_encoder_drop(&connection->encoder);
}

enum result connection_fail(struct http2_connection *connection, const struct http2_fault *fault) {
    if (!connection->failed) {
        connection->failed = true;
        connection->fault = *fault;
    }
    return RESULT_ERROR;
}

void http2_rest(struct http2_connection *connection) {
    if (connection->stream_count == 0) {
        hpack_encoder_drop(&connection->encoder);
        hpack_decoder_pack(&connection->decoder, &connection->shared->memory);
        if (connection->reader.block == 0 && buffer_size(&connection->reader.parts) == 0) {
            buffer_free(&connection->reader.parts);
        }
    }
}

// --- budgets ---

static const char *const floods[HTTP2_COST_COUNT] = {
    [HTTP2_COST_PING] = "flood of PING",
    [HTTP2_COST_SETTINGS] = "flood of SETTINGS",
    [HTTP2_COST_PRIORITY] = "flood of PRIORITY",
    [HTTP2_COST_WINDOW_UPDATE] = "flood of WINDOW_UPDATE",
    [HTTP2_COST_EMPTY] = "flood of empty frames",
    [HTTP2_COST_RESET] = "flood of RST_STREAM",
    [HTTP2_COST_FAULT] = "flood of faults",
    [HTTP2_COST_STRAY] = "flood of frames without a meaning",
};

static void refill(struct http2_connection *connection) {
    int64_t seconds = (connection->now_ms - connection->refilled_ms) / 1000;
    if (seconds <= 0) {
        return;
    }
    connection->refilled_ms += seconds * 1000;
    for (unsigned i = 0; i < HTTP2_COST_COUNT; i++) {
        int64_t back = seconds * connection->limits->budgets[i].per_second;
        connection->spent[i] =
            back < connection->spent[i] ? (uint16_t)(connection->spent[i] - back) : 0;
    }
}

enum result connection_charge(struct http2_connection *connection, enum http2_cost cost) {
    refill(connection);
    if (connection->spent[cost] >= connection->limits->budgets[cost].burst) {
        const struct http2_fault fault = {HTTP2_ENHANCE_YOUR_CALM, true, floods[cost]};
        return connection_fail(connection, &fault);
    }
    connection->spent[cost]++;
    return RESULT_OK;
}

void connection_give_back(struct http2_connection *connection, enum http2_cost cost,
                          uint32_t units) {
    connection->spent[cost] =
        units < connection->spent[cost] ? (uint16_t)(connection->spent[cost] - units) : 0;
}

// --- ends and deadlines ---

void http2_shutdown(struct http2_connection *connection, int64_t now_ms) {
    if (connection->end == HTTP2_RUNNING) {
        connection->end = HTTP2_ANNOUNCING;
        connection->shutdown_ms = now_ms;
    }
}

bool http2_is_drained(const struct http2_connection *connection) {
    return connection->end == HTTP2_FINISHED && connection->stream_count == 0 &&
           !http2_has_output(connection);
}

static int64_t settings_deadline(const struct http2_connection *connection) {
    return connection->settings_acked ? INT64_MAX
                                      : connection->started_ms + connection->limits->settings_ms;
}

static int64_t block_deadline(const struct http2_connection *connection) {
    return connection->reader.block == 0
               ? INT64_MAX
               : connection->reader.block_ms + connection->limits->header_ms;
}

static int64_t shutdown_deadline(const struct http2_connection *connection) {
    bool waits = connection->end == HTTP2_ANNOUNCING || connection->end == HTTP2_ANNOUNCED;
    return waits ? connection->shutdown_ms + connection->limits->shutdown_ms : INT64_MAX;
}

static struct http2_stream *first_lingering(const struct http2_connection *connection) {
    return list_is_empty(&connection->lingering)
               ? NULL
               : LIST_ENTRY(connection->lingering.next, struct http2_stream, linger);
}

static int64_t linger_deadline(const struct http2_connection *connection) {
    const struct http2_stream *first = first_lingering(connection);
    return first == NULL ? INT64_MAX : first->reset_ms;
}

static void end_lingering(struct http2_connection *connection) {
    struct http2_stream *first;
    while ((first = first_lingering(connection)) != NULL && first->reset_ms <= connection->now_ms) {
        list_remove(&first->linger);
        http2_reset(connection, first, HTTP2_NO_ERROR);
    }
}

int64_t http2_deadline(const struct http2_connection *connection) {
    return clock_earlier(clock_earlier(settings_deadline(connection), linger_deadline(connection)),
                         clock_earlier(block_deadline(connection), shutdown_deadline(connection)));
}

enum result http2_tick(struct http2_connection *connection, int64_t now_ms) {
    struct http2_fault fault = {HTTP2_NO_ERROR, true, NULL};
    connection->now_ms = now_ms;
    end_lingering(connection);
    if (now_ms >= settings_deadline(connection)) {
        fault.code = HTTP2_SETTINGS_TIMEOUT;
        fault.why = connection->settings_came ? "no ACK of SETTINGS in time"
                                              : "no preface and SETTINGS in time";
    } else if (now_ms >= block_deadline(connection)) {
        fault.code = HTTP2_ENHANCE_YOUR_CALM;
        fault.why = "header block not complete in time";
    } else if (now_ms >= shutdown_deadline(connection)) {
        connection->end = HTTP2_FINISHING;
        connection->final_stream = connection->last_stream;
    }
    return fault.why == NULL ? RESULT_OK : connection_fail(connection, &fault);
}
