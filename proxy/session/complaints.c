#include "session/complaints.h"

#include "backend/backend.h"
#include "session/service_internal.h"

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

static void tell_left_out(struct service *service, enum complaint kind) {
    struct rate *rate = &service->complaints.rates[kind];
    if (rate->left_out > 0) {
        log_warning(service->options.log, "%" PRIu64 " more lines about %s were left out",
                    rate->left_out, subjects[kind]);
        rate->left_out = 0;
    }
}

void complain(struct service *service, enum complaint kind, enum log_severity severity,
              const char *format, ...) {
    if (!log_wants(service->options.log, severity) ||
        !rate_take(&service->complaints.rates[kind], service_now_ms(service))) {
        return;
    }
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    tell_left_out(service, kind);
    log_write(service->options.log, severity, "%s", text);
}

static void tell_server_left_out(struct service *service, struct server *server) {
    if (server->lines.left_out > 0) {
        log_warning(service->options.log,
                    "backend %s: server %s: %" PRIu64 " more lines were left out",
                    server->backend->config->name, server->config->text, server->lines.left_out);
        server->lines.left_out = 0;
    }
}

void complain_of_server(struct service *service, struct server *server, const char *format, ...) {
    if (!log_wants(service->options.log, SEVERITY_WARNING)) {
        return;
    }
    if (!rate_take(&server->lines, service_now_ms(service))) {
        service->complaints.about_servers = true;
        return;
    }
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    tell_server_left_out(service, server);
    log_warning(service->options.log, "backend %s: server %s: %s", server->backend->config->name,
                server->config->text, text);
}

static void tick_servers(struct service *service) {
    const struct backend_set *set = service->current->backends;
    bool more = false;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < set->backends[i].server_count; j++) {
            struct server *server = &set->backends[i].servers[j];
            if (rate_take_summary(&server->lines, service_now_ms(service))) {
                tell_server_left_out(service, server);
            }
            more = more || server->lines.left_out > 0;
        }
    }
    service->complaints.about_servers = more;
}

void complaints_tick(struct service *service) {
    for (int kind = 0; kind < COMPLAINT_COUNT; kind++) {
        struct rate *rate = &service->complaints.rates[kind];
        if (rate_take_summary(rate, service_now_ms(service))) {
            tell_left_out(service, (enum complaint)kind);
        }
    }
    if (service->complaints.about_servers && service->current != NULL) {
        tick_servers(service);
    }
}
