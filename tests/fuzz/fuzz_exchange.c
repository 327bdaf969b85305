// A client and its servers say anything, in any order, with reloads, ends and time-outs between:
// what leaves toward servers is whole strict requests, what leaves toward the client is whole
// strict responses and nothing behind an end, nothing is lost or kept when all have gone.
//
// The first byte chooses whether the client speaks in records. Then actions: a byte, and what it
// needs (two bytes of length and data, or one byte).
#include "exchange_lab.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { ACTIONS_MAX = 200, RELOADS_MAX = 4 };

enum action {
    CLIENT_SENDS,
    SERVER_SENDS,
    CLIENT_REQUESTS,                               // one of requests[]
    SERVER_ANSWERS,                                // one of responses[]
    CLIENT_FILLS,                                  // so many KiB of letters
    SHARED_ACTS,                                   // and the rest of enum lab_act
    SERVER_INTRUDES = SHARED_ACTS + LAB_ACT_COUNT, // an idle connection says what nobody asked for
    ACTION_COUNT,
};

static const char *const requests[] = {
    "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "GET /a/b?c HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 65536\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 198.51.100.1:7, x\r\nX-Long: ",
    "OPTIONS * HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n",
};

static const char *const responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 413 Content Too Large\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Long: ",
};

#define INTRUSION "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nINTRUSION"

static struct lab lab;

// Nobody else says that.
static bool intrudes(const void *data, size_t size) {
    return memmem(data, size, "INTRUSION", 9) != NULL;
}

// Only a connection that waits in the pool has nothing to say; with one connection it is that one.
static void intrude(void) {
    struct fake_server *server = lab_server(&lab);
    size_t open = 0;
    for (size_t i = 0; i < lab.server_count; i++) {
        open += lab.servers[i].fd >= 0;
    }
    if (open == 1 && metrics_sum(lab.metrics, 1, METRIC_pool_idle) == 1) {
        (void)!send(server->fd, INTRUSION, sizeof(INTRUSION) - 1, MSG_NOSIGNAL);
    }
}

static void act(unsigned action, const uint8_t *data, size_t size, unsigned number) {
    if (intrudes(data, size)) {
        return;
    }
    switch ((enum action)action) {
    case CLIENT_SENDS:
        lab_client_sends(&lab, data, size);
        break;
    case SERVER_SENDS:
        lab_server_sends(&lab, data, size);
        break;
    case CLIENT_REQUESTS: {
        const char *text = requests[number % COUNT_OF(requests)];
        lab_client_sends(&lab, (const uint8_t *)text, strlen(text));
        break;
    }
    case SERVER_ANSWERS: {
        const char *text = responses[number % COUNT_OF(responses)];
        lab_server_sends(&lab, (const uint8_t *)text, strlen(text));
        break;
    }
    case CLIENT_FILLS:
        lab_client_sends(&lab, lab_filler(), (size_t)number * FILLER_UNIT / 2);
        break;
    case SERVER_INTRUDES:
        intrude();
        break;
    default:
        lab_act(&lab, action - SHARED_ACTS, number);
        break;
    }
}

// --- what must be true afterwards ---

// The size of a chunked body that is there whole, 0 when it is not.
static size_t whole_chunks(const char *text, size_t size) {
    size_t at = 0;
    for (;;) {
        const char *line = memmem(text + at, size - at, "\r\n", 2);
        if (line == NULL) {
            return 0;
        }
        unsigned long chunk = strtoul(text + at, NULL, 16);
        at = (size_t)(line - text) + 2;
        if (chunk == 0) {
            break;
        }
        if (chunk > size || size - at < chunk + 2) {
            return 0;
        }
        at += chunk + 2;
    }
    if (size - at >= 2 && memcmp(text + at, "\r\n", 2) == 0) {
        return at + 2;
    }
    size_t trailers = head_end(text + at, size - at);
    return trailers == 0 ? 0 : at + trailers;
}

// The body behind a head; false when it is not there whole. *size is then its size with framing.
static bool measure_body(const struct strict_message *message, const char *body, size_t there,
                         size_t *size) {
    static char data[STREAM_MAX];
    struct strict_message scratch = *message;
    *size = 0;
    if (message->counts[STRICT_TRANSFER_ENCODING] == 1) {
        *size = whole_chunks(body, there);
        if (*size == 0) {
            return false;
        }
        CHECK(strict_chunks(body, body + *size, data, &scratch) == body + *size);
        return true;
    }
    uint64_t length = message->counts[STRICT_CONTENT_LENGTH] == 1 ? strict_length(message) : 0;
    *size = (size_t)length;
    return length <= there;
}

static void check_server(const struct fake_server *server) {
    const char *text = server->received.data;
    size_t size = server->received.size, head, body;
    while (size > 0 && size < STREAM_MAX / 2 && (head = head_end(text, size)) > 0) {
        struct strict_message message;
        strict_request_head(text, head, &message);
        if (server->said_101 && message.counts[STRICT_UPGRADE] == 1) {
            return; // a tunnel, perhaps
        }
        if (!measure_body(&message, text + head, size - head, &body)) {
            return;
        }
        text += head + body;
        size -= head + body;
    }
}

static bool closes(const struct strict_message *message) {
    return message->counts[STRICT_CONNECTION] == 1 &&
           strict_value_is(message, STRICT_CONNECTION, "close");
}

// Where no response is without a body because of its request.
static void check_client(void) {
    const char *text = lab.received.data;
    size_t size = lab.received.size, head, body;
    CHECK(!intrudes(text, size));
    if (memmem(lab.sent.data, lab.sent.size, "HEAD ", 5) != NULL) {
        return;
    }
    while (size > 0 && size < STREAM_MAX / 2 && (head = head_end(text, size)) > 0) {
        struct strict_message message;
        strict_response_head(text, head, &message);
        bool interim = text[9] == '1';
        if (interim && memcmp(text + 9, "101", 3) == 0) {
            return;
        }
        bool bodiless =
            interim || memcmp(text + 9, "204", 3) == 0 || memcmp(text + 9, "304", 3) == 0;
        body = 0;
        if (!bodiless &&
            message.counts[STRICT_TRANSFER_ENCODING] + message.counts[STRICT_CONTENT_LENGTH] == 0) {
            return; // until the end
        }
        if (!bodiless && !measure_body(&message, text + head, size - head, &body)) {
            return;
        }
        text += head + body;
        size -= head + body;
        CHECK(!closes(&message) || size == 0);
    }
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
    .size_mask = 0xFFFF,
    .act = act,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    lab_connect(&lab, (data[0] & 1) != 0);
    lab_run(&acts, data + 1, size - 1);
    lab_finish(&lab);
    for (size_t i = 0; i < lab.server_count; i++) {
        check_server(&lab.servers[i]);
    }
    check_client();
    if (lab.config != 0) {
        lab_reload(&lab, 0);
    }
    return 0;
}
