#include "base/clock.h"
#include "base/network.h"
#include "http/parse.h"
#include "monitor/admin_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const ev_tstamp LINGER_S = 2.;
enum { HEAD_OUT_MAX = 2048 };

// --- Answers ---

void admin_answer_text(struct admin_answer *answer, const char *text) {
    buffer_free(&answer->body);
    if (!buffer_append(&answer->body, text, strlen(text), ADMIN_BODY_MAX)) {
        answer->status = 500;
    }
}

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static const char *reason_of(unsigned status) {
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}

void admin_answer_failure(struct admin_answer *answer, unsigned status) {
    char text[64];
    *answer = (struct admin_answer){
        .status = status, .type = "text/plain; charset=utf-8", .fields = "", .body = answer->body};
    (void)snprintf(text, sizeof(text), "%u %s\n", status, reason_of(status));
    admin_answer_text(answer, text);
}

// --- One connection ---

bool admin_client_is_idle(const struct admin_client *client) {
    return client->phase == ADMIN_READING && client->size == 0;
}

void admin_client_close(struct admin_client *client) {
    struct ev_loop *loop = client->admin->options.loop;
    ev_io_stop(loop, &client->watcher);
    ev_timer_stop(loop, &client->deadline);
    (void)close(client->watcher.fd);
    list_remove(&client->node);
    client->admin->client_count--;
    buffer_free(&client->output);
    free(client);
}

static void await(struct admin_client *client, int events, ev_tstamp seconds) {
    struct ev_loop *loop = client->admin->options.loop;
    ev_io_stop(loop, &client->watcher);
    ev_io_set(&client->watcher, client->watcher.fd, events);
    ev_io_start(loop, &client->watcher);
    if (seconds > 0.) {
        ev_timer_stop(loop, &client->deadline);
        ev_timer_set(&client->deadline, seconds, 0.);
        ev_timer_start(loop, &client->deadline);
    }
}

static void enter_reading(struct admin_client *client) {
    client->phase = ADMIN_READING;
    list_remove(&client->node);
    list_push_last(&client->admin->clients, &client->node);
    await(client, EV_READ, client->size > 0 ? ADMIN_HEAD_S : ADMIN_IDLE_S);
    if (client->size > 0) { // perhaps the next request is there
        ev_feed_event(client->admin->options.loop, &client->watcher, EV_CUSTOM);
    }
}

// --- Requests ---

static bool is_local_host(struct slice host) {
    union ip_address address;
    if (host.size > 2 && host.data[0] == '[') {
        host = (struct slice){host.data + 1, host.size - 2};
    }
    return slice_equal_nocase(host, SLICE("localhost")) || ip_address_parse(host, &address);
}

// HTTP/1.0 requests may have no host; browsers never send such requests. Readiness is not secret: a
// route for load balancers may lead to it, with the host of the site.
static bool host_is_fine(const struct admin_client *client, const struct http_request *request) {
    struct slice path = {request->path.data, request->path_size};
    return !client->is_tcp || slice_equal(path, SLICE("/ready")) ||
           (request->host.size == 0 && request->minor_version == 0) || is_local_host(request->host);
}

static void judge(struct admin_client *client, const struct http_request *request,
                  struct admin_answer *answer) {
    const struct admin_options *options = &client->admin->options;
    bool is_get = request->is_head || slice_equal(request->method, SLICE("GET"));
    if (!host_is_fine(client, request)) {
        admin_answer_failure(answer, 421);
    } else if (!is_get) {
        admin_answer_failure(answer, 405);
        answer->fields = "Allow: GET, HEAD\r\n";
    } else if (request->framing != FRAMING_NONE) {
        admin_answer_failure(answer, 413);
    } else {
        options->request(options->context, (struct slice){request->path.data, request->path_size},
                         answer);
    }
}

// False: memory is short.
static bool put_response(struct admin_client *client, const struct admin_answer *answer,
                         bool is_head) {
    char date[CLOCK_HTTP_DATE_SIZE];
    char head[HEAD_OUT_MAX];
    clock_format_http_date((time_t)(clock_wall_us() / 1000000), date);
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                        "Cross-Origin-Resource-Policy: same-origin\r\n"
                        "Referrer-Policy: no-referrer\r\n%s%s\r\n",
                        answer->status, reason_of(answer->status), date, answer->type,
                        buffer_size(&answer->body), answer->fields,
                        client->is_last ? "Connection: close\r\n" : "");
    size_t limit = ADMIN_BODY_MAX + HEAD_OUT_MAX;
    return size > 0 && (size_t)size < sizeof(head) &&
           buffer_append(&client->output, head, (size_t)size, limit) &&
           (is_head || buffer_size(&answer->body) == 0 ||
            buffer_append(&client->output, buffer_bytes(&answer->body), buffer_size(&answer->body),
                          limit));
}

// Removes the answered head of `size` bytes. False: memory is short.
static bool answer_head(struct admin_client *client, size_t size) {
    struct http_field items[ADMIN_FIELDS_MAX];
    struct http_fields fields = {.items = items, .capacity = ADMIN_FIELDS_MAX};
    struct http_request request;
    struct http_refusal refusal;
    struct admin_answer answer = {.status = 200, .type = "text/plain; charset=utf-8", .fields = ""};
    if (http_parse_request((struct slice){client->head, size}, &fields, &request, &refusal) ==
        RESULT_OK) {
        client->is_last = !request.keep_alive || request.framing != FRAMING_NONE;
        judge(client, &request, &answer);
    } else {
        client->is_last = true;
        admin_answer_failure(&answer, refusal.status == 431 ? 431 : 400);
    }
    bool ok = put_response(client, &answer, request.is_head);
    buffer_free(&answer.body);
    client->size -= size;
    memmove(client->head, client->head + size, client->size);
    client->scanned = 0;
    return ok;
}

static bool refuse_large(struct admin_client *client) {
    struct admin_answer answer = {.fields = ""};
    client->is_last = true;
    admin_answer_failure(&answer, 431);
    bool ok = put_response(client, &answer, false);
    buffer_free(&answer.body);
    return ok;
}

static bool is_wrong_already(const struct admin_client *client) {
    struct http_part part = {0};
    struct http_refusal refusal;
    return http_check_request_part(client->head, client->size, &part, &refusal) != RESULT_OK;
}

// Whether there is something to answer. *end: the size of a whole head, or 0.
static bool has_request(struct admin_client *client, size_t *end) {
    *end = http_head_end(client->head, client->size, &client->scanned);
    return *end > 0 || client->size == sizeof(client->head) ||
           (client->size > 0 && is_wrong_already(client));
}

// The response is in the output. False: memory is short.
static bool take_request(struct admin_client *client) {
    size_t end = client->head_end;
    bool is_large = end == 0 && client->size == sizeof(client->head) && !is_wrong_already(client);
    return is_large ? refuse_large(client) : answer_head(client, end > 0 ? end : client->size);
}

// --- Input and output ---

// RESULT_OK: there is more in the head.
static enum result receive(struct admin_client *client) {
    ssize_t size = recv(client->watcher.fd, client->head + client->size,
                        sizeof(client->head) - client->size, 0);
    if (size > 0) {
        client->size += (size_t)size;
        return RESULT_OK;
    }
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? RESULT_AGAIN : RESULT_EOF;
}

static enum result send_some(struct admin_client *client) {
    while (buffer_size(&client->output) > 0) {
        ssize_t sent = send(client->watcher.fd, buffer_bytes(&client->output),
                            buffer_size(&client->output), MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR ? RESULT_AGAIN : RESULT_ERROR;
        }
        buffer_take(&client->output, (size_t)sent);
    }
    buffer_free(&client->output);
    return RESULT_OK;
}

// The whole response is sent. False: the connection must close.
static bool end_response(struct admin_client *client) {
    if (!client->is_last) {
        enter_reading(client);
        return true;
    }
    if (shutdown(client->watcher.fd, SHUT_WR) != 0) {
        return false;
    }
    client->phase = ADMIN_LINGERING;
    await(client, EV_READ, LINGER_S);
    return true;
}

// Writes as much as the socket accepts. False: the connection must close.
static bool write_response(struct admin_client *client) {
    enum result result = send_some(client);
    return result == RESULT_OK ? end_response(client) : result == RESULT_AGAIN;
}

// Nothing is read meanwhile, and no deadline runs, because the number of waiting clients is
// bounded.
static void wait_for_turn(struct admin_client *client) {
    client->phase = ADMIN_DUE;
    ev_io_stop(client->admin->options.loop, &client->watcher);
    ev_timer_stop(client->admin->options.loop, &client->deadline);
    admin_add_due(client->admin, client);
}

void admin_client_answer(struct admin_client *client) {
    client->phase = ADMIN_WRITING;
    list_remove(&client->node);
    list_push_last(&client->admin->clients, &client->node);
    if (!take_request(client)) {
        admin_client_close(client);
        return;
    }
    await(client, EV_WRITE, ADMIN_RESPONSE_S);
    if (!write_response(client)) {
        admin_client_close(client);
    }
}

// False: the connection must close.
static bool advance(struct admin_client *client) {
    if (client->phase == ADMIN_READING && has_request(client, &client->head_end)) {
        wait_for_turn(client);
    }
    return client->phase != ADMIN_WRITING || write_response(client);
}

// False: the connection must close.
static bool read_more(struct admin_client *client) {
    bool was_idle = client->size == 0;
    if (client->phase == ADMIN_LINGERING) {
        client->size = 0; // dropped
    }
    enum result result = receive(client);
    if (result != RESULT_OK || client->phase == ADMIN_LINGERING) {
        return result != RESULT_EOF;
    }
    if (was_idle) {
        await(client, EV_READ, ADMIN_HEAD_S);
    }
    return true;
}

static void on_event(struct ev_loop *loop, ev_io *watcher, int events) {
    struct admin_client *client = watcher->data;
    (void)loop;
    bool reads = client->phase != ADMIN_WRITING && (events & EV_READ) != 0;
    if ((reads && !read_more(client)) || !advance(client)) {
        admin_client_close(client);
    }
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    admin_client_close(timer->data);
}

bool admin_client_start(struct admin *admin, int fd, bool is_tcp) {
    struct admin_client *client = malloc(sizeof(*client));
    if (client == NULL) {
        return false;
    }
    client->admin = admin;
    client->is_tcp = is_tcp;
    client->is_last = false;
    client->output = (struct buffer){.data = NULL};
    client->size = client->scanned = 0;
    list_init(&client->node);
    ev_io_init(&client->watcher, on_event, fd, EV_READ);
    ev_timer_init(&client->deadline, on_deadline, ADMIN_HEAD_S, 0.);
    client->watcher.data = client->deadline.data = client;
    admin->client_count++;
    enter_reading(client);
    return true;
}
