#include "exchange/complaints.h"

#include "backend/backend.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 1024 };

static const char *const subjects[COMPLAINT_COUNT] = {
#define COMPLAINT_SUBJECT(name, text) text,
    COMPLAINTS(COMPLAINT_SUBJECT)
#undef COMPLAINT_SUBJECT
};

void complaints_init(struct complaints *complaints, struct log *log, const int64_t *now_ms) {
    *complaints = (struct complaints){.log = log, .now_ms = now_ms};
    for (size_t i = 0; i < COMPLAINT_COUNT; i++) {
        complaints->rates[i] =
            (struct rate){.interval_ms = 1000 / COMPLAINTS_PER_SECOND, .burst = COMPLAINTS_BURST};
    }
}

// `server`: its name begins the line; NULL: none.
__attribute__((format(printf, 4, 0))) static void
write_line(struct complaints *complaints, enum log_severity severity, const struct server *server,
           const char *format, va_list arguments) {
    char text[TEXT_SIZE];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    if (server == NULL) {
        log_write(complaints->log, severity, "%s", text);
    } else {
        log_write(complaints->log, severity, "backend %s: server %s: %s",
                  server->backend->config->name, server->text, text);
    }
}

static void tell_left_out(struct complaints *complaints, enum complaint kind) {
    struct rate *rate = &complaints->rates[kind];
    if (rate->left_out > 0) {
        log_warning(complaints->log, "%" PRIu64 " more lines about %s were left out",
                    rate->left_out, subjects[kind]);
        rate->left_out = 0;
    }
}

void complain(struct complaints *complaints, enum complaint kind, enum log_severity severity,
              const char *format, ...) {
    if (!log_wants(complaints->log, severity) ||
        !rate_take(&complaints->rates[kind], *complaints->now_ms)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    tell_left_out(complaints, kind);
    write_line(complaints, severity, NULL, format, arguments);
    va_end(arguments);
}

static void tell_server_left_out(struct complaints *complaints, struct server *server) {
    if (server->lines.left_out > 0) {
        log_warning(complaints->log, "backend %s: server %s: %" PRIu64 " more lines were left out",
                    server->backend->config->name, server->text, server->lines.left_out);
        server->lines.left_out = 0;
    }
}

void complain_of_server(struct complaints *complaints, struct server *server, const char *format,
                        ...) {
    if (!log_wants(complaints->log, SEVERITY_WARNING)) {
        return;
    }
    if (!rate_take(&server->lines, *complaints->now_ms)) {
        complaints->about_servers = true;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    tell_server_left_out(complaints, server);
    write_line(complaints, SEVERITY_WARNING, server, format, arguments);
    va_end(arguments);
}

static void tick_servers(struct complaints *complaints, const struct backend_set *set) {
    bool more = false;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < set->backends[i].server_count; j++) {
            struct server *server = &set->backends[i].servers[j];
            if (rate_take_summary(&server->lines, *complaints->now_ms)) {
                tell_server_left_out(complaints, server);
            }
            more = more || server->lines.left_out > 0;
        }
    }
    complaints->about_servers = more;
}

void complaints_tick(struct complaints *complaints, const struct backend_set *servers) {
    for (int kind = 0; kind < COMPLAINT_COUNT; kind++) {
        struct rate *rate = &complaints->rates[kind];
        if (rate_take_summary(rate, *complaints->now_ms)) {
            tell_left_out(complaints, (enum complaint)kind);
        }
    }
    if (complaints->about_servers && servers != NULL) {
        tick_servers(complaints, servers);
    }
}
