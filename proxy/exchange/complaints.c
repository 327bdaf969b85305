#include "exchange/complaints.h"

#include "backend/backend.h"
#include "exchange/shared.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 1024 };

static const char *const subjects[COMPLAINT_COUNT] = {
#define COMPLAINT_SUBJECT(name, text) text,
    COMPLAINTS(COMPLAINT_SUBJECT)
#undef COMPLAINT_SUBJECT
};

void complaints_init(struct complaints *complaints) {
    *complaints = (struct complaints){.about_servers = false};
    for (size_t i = 0; i < COMPLAINT_COUNT; i++) {
        complaints->rates[i] =
            (struct rate){.interval_ms = 1000 / COMPLAINTS_PER_SECOND, .burst = COMPLAINTS_BURST};
    }
}

// `server`: the line begins with its name; NULL: it is about none.
__attribute__((format(printf, 4, 0))) static void
write_line(struct shared *shared, enum log_severity severity, const struct server *server,
           const char *format, va_list arguments) {
    char text[TEXT_SIZE];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    if (server == NULL) {
        log_write(shared->log, severity, "%s", text);
    } else {
        log_write(shared->log, severity, "backend %s: server %s: %s", server->backend->config->name,
                  server->config->text, text);
    }
}

static void tell_left_out(struct shared *shared, enum complaint kind) {
    struct rate *rate = &shared->complaints.rates[kind];
    if (rate->left_out > 0) {
        log_warning(shared->log, "%" PRIu64 " more lines about %s were left out", rate->left_out,
                    subjects[kind]);
        rate->left_out = 0;
    }
}

void complain(struct shared *shared, enum complaint kind, enum log_severity severity,
              const char *format, ...) {
    if (!log_wants(shared->log, severity) ||
        !rate_take(&shared->complaints.rates[kind], shared_now_ms(shared))) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    tell_left_out(shared, kind);
    write_line(shared, severity, NULL, format, arguments);
    va_end(arguments);
}

static void tell_server_left_out(struct shared *shared, struct server *server) {
    if (server->lines.left_out > 0) {
        log_warning(shared->log, "backend %s: server %s: %" PRIu64 " more lines were left out",
                    server->backend->config->name, server->config->text, server->lines.left_out);
        server->lines.left_out = 0;
    }
}

void complain_of_server(struct shared *shared, struct server *server, const char *format, ...) {
    if (!log_wants(shared->log, SEVERITY_WARNING)) {
        return;
    }
    if (!rate_take(&server->lines, shared_now_ms(shared))) {
        shared->complaints.about_servers = true;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    tell_server_left_out(shared, server);
    write_line(shared, SEVERITY_WARNING, server, format, arguments);
    va_end(arguments);
}

static void tick_servers(struct shared *shared) {
    const struct backend_set *set = shared->current->backends;
    bool more = false;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < set->backends[i].server_count; j++) {
            struct server *server = &set->backends[i].servers[j];
            if (rate_take_summary(&server->lines, shared_now_ms(shared))) {
                tell_server_left_out(shared, server);
            }
            more = more || server->lines.left_out > 0;
        }
    }
    shared->complaints.about_servers = more;
}

void complaints_tick(struct shared *shared) {
    for (int kind = 0; kind < COMPLAINT_COUNT; kind++) {
        struct rate *rate = &shared->complaints.rates[kind];
        if (rate_take_summary(rate, shared_now_ms(shared))) {
            tell_left_out(shared, (enum complaint)kind);
        }
    }
    if (shared->complaints.about_servers && shared->current != NULL) {
        tick_servers(shared);
    }
}
