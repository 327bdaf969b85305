// What happens when servers fail: proxy_next_upstream as `retries` and `fail-on-status`, max_fails
// and fail_timeout as `max-failures` and `eject-time` of a backend.
#include "import/nginx_internal.h"

#include <inttypes.h>
#include <string.h>

enum { DAY_MS = 86400000, RETRIES_MAX = 10, FAILURES_MAX = 1000 };

// --- Other servers for a request ---

static const char *read_tries(struct import *import, struct nginx_directive *block) {
    uint64_t tries = 0;
    struct nginx_directive *level = import_inherit(block, "proxy_next_upstream_tries");
    if (level == NULL ||
        !import_number(nginx_argument(nginx_find(level, "proxy_next_upstream_tries"), 0), &tries)) {
        return "";
    }
    uint64_t retries = tries == 0 || tries > RETRIES_MAX ? RETRIES_MAX : tries - 1;
    return nginx_format(&import->tree, "    retries = %" PRIu64 "\n", retries);
}

// The statuses, as a list of fail-on-status. "": there is none.
static const char *read_statuses(struct import *import, struct nginx_directive *next) {
    const char *list = "";
    for (size_t i = 0; i < next->argument_count; i++) {
        const char *word = next->arguments[i];
        if (strcmp(word, "http_403") == 0 || strcmp(word, "http_404") == 0) {
            import_note(import, next,
                        nginx_format(&import->tree,
                                     "without %s: a status of fail-on-status counts as a failure "
                                     "of the server",
                                     word));
        } else if (strcmp(word, "non_idempotent") == 0) {
            import_note(import, next,
                        "without non_idempotent: POST and PATCH are sent again only if no "
                        "connection was made");
        } else if (strncmp(word, "http_", 5) == 0 && strspn(word + 5, "0123456789") == 3 &&
                   word[8] == '\0' && (word[5] == '4' || word[5] == '5')) {
            list =
                nginx_format(&import->tree, "%s%s%s", list, list[0] == '\0' ? "" : ", ", word + 5);
        }
    }
    return list;
}

const char *import_retries(struct import *import, struct nginx_directive *block) {
    struct nginx_directive *level = import_inherit(block, "proxy_next_upstream");
    struct nginx_directive *next = level == NULL ? NULL : nginx_find(level, "proxy_next_upstream");
    struct nginx_directive *time = import_found(block, "proxy_next_upstream_timeout");
    const char *tries = read_tries(import, block);
    if (time != NULL && strcmp(nginx_argument(time, 0), "0") != 0) {
        import_note(import, time, "request-timeout of a backend limits all of a request");
    } else if (time != NULL) {
        time->is_done = true;
    }
    if (next != NULL && strcmp(nginx_argument(next, 0), "off") == 0) {
        return "    retries = 0\n";
    }
    const char *statuses = next == NULL ? "" : read_statuses(import, next);
    return statuses[0] == '\0'
               ? tries
               : nginx_format(&import->tree, "%s    fail-on-status = {%s}\n", tries, statuses);
}

// --- Servers that get no requests for a time ---

struct failures {
    uint64_t most;    // max_fails
    const char *time; // fail_timeout
    bool is_set, differs;
};

static void read_server(struct import *import, const struct nginx_directive *server,
                        struct failures *failures) {
    uint64_t most = 1; // the default of nginx
    const char *time = "10s";
    for (size_t i = 1; i < server->argument_count; i++) {
        const char *option = server->arguments[i];
        uint64_t number;
        if (strncmp(option, "max_fails=", 10) == 0 && import_number(option + 10, &number)) {
            most = number > FAILURES_MAX ? FAILURES_MAX : number;
            failures->is_set = true;
        } else if (strncmp(option, "fail_timeout=", 13) == 0) {
            const char *read = import_time(import, option + 13, 100, DAY_MS);
            time = read == NULL ? time : read;
            failures->is_set = true;
        }
    }
    bool is_first = failures->time == NULL;
    failures->differs =
        failures->differs ||
        (!is_first && (most != failures->most || strcmp(time, failures->time) != 0));
    failures->most = most > failures->most ? most : failures->most;
    failures->time = is_first ? time : failures->time;
}

void import_failures(struct import *import, struct nginx_directive *upstream) {
    struct failures failures = {.time = NULL};
    for (size_t i = 0; i < upstream->inner_count; i++) {
        if (strcmp(upstream->inner[i]->name, "server") == 0 &&
            !import_is_down(upstream->inner[i])) {
            read_server(import, upstream->inner[i], &failures);
        }
    }
    if (!failures.is_set) {
        return;
    }
    const char *which = failures.differs ? "; one value for all servers" : "";
    if (failures.most == 0) {
        (void)fprintf(import->servers,
                      "    max-failures = off failure-ratio = off # a failed connection still "
                      "counts%s\n",
                      which);
        return;
    }
    (void)fprintf(import->servers,
                  "    max-failures = %" PRIu64 " # in a row; a failed connection is enough%s\n",
                  failures.most, which);
    (void)fprintf(import->servers, "    eject-time = %s eject-time-max = %s\n", failures.time,
                  failures.time);
}
