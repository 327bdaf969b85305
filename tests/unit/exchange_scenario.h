// Whole exchanges as rows of a table: what the client sends, what the server says, and what each
// side has in the end. run_scenario() runs one under any faults: the outcome must be the same.
#ifndef RAVELIN_TESTS_EXCHANGE_SCENARIO_H
#define RAVELIN_TESTS_EXCHANGE_SCENARIO_H

#include "exchange_bench.h"

enum { SCENARIO_BODY_MAX = 1 << 17 };

#define GET "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
#define POST(size) "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: " #size "\r\n\r\n"
#define POST_CHUNKED "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
#define UPGRADE                                                                                    \
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
#define EXPECT                                                                                     \
    "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

// What goes in, then what must come out.
struct scenario { // NOLINT(clang-analyzer-optin.performance.Padding)
    const char *request;
    const char *body; // NULL: none
    size_t body_size; // 0: of the text
    struct http_field trailer;
    const char *tunnel;
    bool client_ends, malformed, waits_for_100;
    struct script scripts[3];
    size_t script_count; // 0: one
    // in the end
    enum result result;
    const char *at_server; // "METHOD path|framing|body|trailers", of the last connection
    const char *at_client; // the record; NULL: the body of a large one is compared elsewhere
    const char *ended;
    uint64_t request_bytes, response_bytes;
    uint16_t status;
    bool pooled; // the last connection waits for another exchange
};

// What a server has understood, for comparison.
static inline const char *understood(const struct memory_connection *connection) {
    static char text[SCENARIO_BODY_MAX * 2];
    static struct http_field items[100];
    struct http_fields fields = {items, 0, 100};
    struct http_request request;
    struct http_refusal refusal;
    size_t scanned = 0, at = 0;
    const char *data = connection->received;
    size_t head = http_head_end(data, connection->received_size, &scanned);
    if (head == 0) {
        return "";
    }
    assert_int_equal(http_parse_request((struct slice){data, head}, &fields, &request, &refusal),
                     RESULT_OK);
    static const char *const framings[] = {"none", "length", "chunked"};
    at += (size_t)sprintf(text, "%.*s %.*s|%s|", (int)request.method.size, request.method.data,
                          (int)request.target.size, request.target.data, framings[request.framing]);
    struct chunk_decoder decoder;
    chunk_decoder_init(&decoder);
    enum chunk_span span = CHUNK_DATA;
    while (head < connection->received_size && span != CHUNK_TRAILERS) {
        size_t length = connection->received_size - head;
        const char *why;
        if (request.framing == FRAMING_CHUNKED) {
            assert_int_equal(chunk_next(&decoder, data + head, length, &span, &length, &why),
                             RESULT_OK);
        }
        if (span == CHUNK_DATA) {
            memcpy(text + at, data + head, length);
            at += length;
        }
        head += length;
    }
    text[at] = '\0';
    if (span == CHUNK_TRAILERS) {
        (void)snprintf(text + at, 100, "|%.*s", (int)(connection->received_size - head),
                       data + head);
    }
    return text;
}

static inline size_t body_size_of(const struct scenario *scenario) {
    const char *body = scenario->body == NULL ? "" : scenario->body;
    return scenario->body_size != 0 ? scenario->body_size : strlen(body);
}

static inline void scenario_begin(const struct scenario *scenario, const struct faults *faults) {
    static struct http_field trailer;
    static struct http_fields trailers;
    bench.faults = *faults;
    bench.calls = bench.turn = bench.readables = 0;
    bench_use(scenario->scripts, scenario->script_count == 0 ? 1 : scenario->script_count);
    memory_stream_init(&bench.memory, &bench.faults);
    bench.memory.body = scenario->body == NULL ? "" : scenario->body;
    bench.memory.body_size = body_size_of(scenario);
    bench.memory.end_came = scenario->body == NULL;
    bench.memory.client_ended = scenario->client_ends;
    bench.memory.waits_for_100 = scenario->waits_for_100;
    bench.memory.malformed = scenario->malformed;
    bench.memory.tunnel = scenario->tunnel;
    trailer = scenario->trailer;
    trailers = (struct http_fields){&trailer, 1, 1};
    bench.memory.trailers = trailer.name.size > 0 ? &trailers : NULL;
    bench_begin(scenario->request);
}

static inline void scenario_run(const struct scenario *scenario, const struct faults *faults) {
    scenario_begin(scenario, faults);
    assert_non_null(bench.exchange);
    assert_int_equal(bench_advance(), scenario->result);
    bench_finish();
}

static inline const struct memory_connection *last_connection(void) {
    return &bench.connections[bench.connection_count - 1];
}

static inline void assert_outcome(const struct scenario *scenario) {
    const struct account *account = &bench.account;
    const char *server = bench.connection_count == 0 ? "" : understood(last_connection());
    if (scenario->at_server != NULL) {
        assert_string_equal(server, scenario->at_server);
    }
    if (scenario->at_client != NULL) {
        assert_string_equal(bench.memory.record, scenario->at_client);
    }
    assert_int_equal(account->status, scenario->status);
    assert_int_equal(account->request_bytes, scenario->request_bytes);
    assert_int_equal(account->response_bytes, scenario->response_bytes);
    if (scenario->ended == NULL) {
        assert_null(account->ended);
    } else {
        assert_non_null(account->ended);
        assert_string_equal(account->ended, scenario->ended);
    }
    // After a read that has filled the room nobody knows whether there is more.
    if (bench.faults.part == 0) {
        assert_int_equal(bench_server(0)->idle_count, scenario->pooled ? 1 : 0);
    }
}

// Once, with its outcome.
static inline void run_under(const struct scenario *scenario, const struct faults *faults) {
    scenario_run(scenario, faults);
    assert_outcome(scenario);
    bench_forget_connections();
}

static inline void run_scenario(const struct scenario *scenario) {
    run_under(scenario, &(struct faults){.steps = 0});
}

// --- every fault that may not change the outcome ---

#define EACH(member, from, to)                                                                     \
    for (uint32_t n = (from); n <= (to); n++) {                                                    \
        run_under(scenario, &(struct faults){.member = n});                                        \
    }

static inline void run_by_orders(const struct scenario *scenario) {
    for (uint32_t first = 0; first < 4; first++) {
        run_under(scenario, &(struct faults){.alone = true, .first_event = first, .steps = 1});
        run_under(scenario,
                  &(struct faults){.alone = true, .first_event = first, .arrive = 1, .run = 1});
        run_under(scenario, &(struct faults){.alone = true,
                                             .first_event = first,
                                             .server_gives = 1,
                                             .server_takes = 1,
                                             .client_takes = 1});
        run_under(scenario, &(struct faults){.alone = true,
                                             .first_event = first,
                                             .arrive = 2,
                                             .run = 1,
                                             .late_end = true,
                                             .client_takes = 3,
                                             .head_again = true,
                                             .fits_not = 2,
                                             .part = 7,
                                             .server_gives = 5,
                                             .server_takes = 3,
                                             .interrupts = 3,
                                             .steps = 1});
    }
}

// For short ones: sizes up to that of a message.
static inline void run_under_all_faults(const struct scenario *scenario) {
    run_scenario(scenario);
    uint32_t body = (uint32_t)body_size_of(scenario);
    uint32_t reply = (uint32_t)strlen(scenario->scripts[0].reply);
    EACH(server_gives, 1, reply)
    EACH(server_takes, 1, 220 + body * 2)
    EACH(client_takes, 1, 40)
    EACH(flush_again, 1, 12)
    EACH(fits_not, 1, 4)
    EACH(fits_part, 1, 6)
    EACH(part, 1, reply)
    EACH(arrive, 1, body)
    EACH(run, 1, body)
    EACH(interrupts, 2, 9)
    EACH(steps, 1, 3)
    run_under(scenario, &(struct faults){.late_end = true});
    run_under(scenario, &(struct faults){.head_again = true});
    run_by_orders(scenario);
}

#endif
