#include "process/status.h"

#include "base/clock.h"
#include "base/json.h"
#include "process/servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- Processes ---

static void put_child(struct json *json, const struct child *child) {
    json_open(json, NULL, '{');
    json_unsigned(json, "slot", child->slot);
    json_integer(json, "pid", child->pid);
    json_string(json, "state", child_state_name(child->state));
    json_unsigned(json, "restarts", child->restarts);
    json_close(json, '}');
}

// Writes a list for each kind of child; those that serve clients are first.
static void put_children(struct json *json, const struct children *children) {
    for (size_t i = children->kind_count; i-- > 0;) {
        const struct child_kind *kind = &children->kinds[i];
        char name[CHILD_NAME_SIZE];
        (void)snprintf(name, sizeof(name), "%ss", kind->name);
        json_open(json, name, '[');
        for (struct child *child = child_first(children, kind); child != NULL;
             child = child_next(child, kind)) {
            if (child->pid > 0 || child_is_wanted(child, children->current)) {
                put_child(json, child);
            }
        }
        json_close(json, ']');
    }
}

// --- Reloads ---

static void put_reload(struct json *json, const struct reload *reload) {
    static const char *const names[] = {[RELOAD_IDLE] = "none",
                                        [RELOAD_READ] = "reading",
                                        [RELOAD_VALIDATE] = "validating",
                                        [RELOAD_COMMIT] = "committing"};
    char loading[CHILD_NAME_SIZE + sizeof("loading s")];
    (void)snprintf(loading, sizeof(loading), "loading %ss",
                   reload->children->kinds[reload->kind].name);
    json_string(json, "reload", reload->phase == RELOAD_LOAD ? loading : names[reload->phase]);
}

static const char *watch_state(enum auto_reload_state state) {
    static const char *const names[] = {[AUTO_RELOAD_OFF] = "off",
                                        [AUTO_RELOAD_BLIND] = "not watching",
                                        [AUTO_RELOAD_PARTIAL] = "watching in part",
                                        [AUTO_RELOAD_WATCHING] = "watching"};
    return names[state];
}

static void put_watch(struct json *json, const struct auto_reload *automatic) {
    json_open(json, "certificate_watch", '{');
    json_string(json, "state", watch_state(automatic->state));
    json_string(json, "problem", automatic->problem[0] == '\0' ? NULL : automatic->problem);
    if (automatic->outcome == AUTO_RELOAD_NEVER) {
        json_string(json, "last_reload", NULL);
    } else {
        char ended[CLOCK_ISO_SIZE];
        clock_format_iso(automatic->ended_us, ended);
        json_open(json, "last_reload", '{');
        json_string(json, "time", ended);
        json_bool(json, "ok", automatic->outcome == AUTO_RELOAD_SUCCEEDED);
        json_string(json, "message", automatic->ending);
        json_close(json, '}');
    }
    json_close(json, '}');
}

static void put_orders(struct json *json, const struct children *children) {
    const struct children_orders *orders = &children->orders;
    if (!children_order(children)) {
        json_string(json, "certificate_orders", NULL);
        return;
    }
    json_open(json, "certificate_orders", '{');
    json_unsigned(json, "failing", orders->failing);
    json_string(json, "last_failure", orders->last[0] == '\0' ? NULL : orders->last);
    json_close(json, '}');
}

// --- Upgrades ---

static void put_upgrade(struct json *json, const struct status *status) {
    json_string(json, "upgrade", upgrade_phase_name(status->upgrade));
    json_open(json, "draining", '[');
    for (size_t i = 0; i < status->formers->count; i++) {
        json_open(json, NULL, '{');
        json_integer(json, "pid", status->formers->list[i]->pid);
        json_unsigned(json, "connections", status->formers->list[i]->connections);
        json_close(json, '}');
    }
    json_close(json, ']');
}

// --- Maintenance ---

// Limited, because the reply has a limit.
enum { MAINTENANCE_MAX = 20 };

static void put_maintenance(struct json *json, const struct source *source) {
    size_t count = 0;
    json_open(json, "maintenance", '[');
    for (size_t i = 0; i < source->servers.site_count && count < MAINTENANCE_MAX; i++) {
        if (server_table_site_is_closed(&source->servers, i)) {
            json_string(json, NULL, source->config->sites[i].name);
            count++;
        }
    }
    json_close(json, ']');
}

// --- Certificates ---

// Only the certificates that expire next, because the reply has a limit.
enum { CERTIFICATES_MAX = 20, CERTIFICATE_TEXT_MAX = 640 };

static int compare_ends(const void *left, const void *right) {
    const struct term *const *a = left;
    const struct term *const *b = right;
    return ((*a)->until > (*b)->until) - ((*a)->until < (*b)->until);
}

// The terms of certificates, the first to end first. NULL when memory is short.
static const struct term **sort_terms(const struct source *source, size_t *count) {
    const struct term *term;
    size_t total = 0;
    while (findings_term(source->findings, source->config, total) != NULL) {
        total++;
    }
    const struct term **terms = calloc(total + 1, sizeof(const struct term *));
    *count = 0;
    for (size_t i = 0; terms != NULL && i < total; i++) {
        term = findings_term(source->findings, source->config, i);
        if (term != NULL && term->kind == TERM_CERTIFICATE) {
            terms[(*count)++] = term;
        }
    }
    if (terms != NULL) {
        qsort(terms, *count, sizeof(const struct term *), compare_ends);
    }
    return terms;
}

static void put_certificate(struct json *json, const struct config *config,
                            const struct term *term) {
    const struct config_site *site = &config->sites[term->site];
    const char *path = site->certificates[term->certificate].certificate_path;
    if (strlen(site->name) + strlen(path) > CERTIFICATE_TEXT_MAX) {
        path = ""; // the line in the configuration is to be found by the site
    }
    json_open(json, NULL, '{');
    json_string(json, "site", site->name);
    json_string(json, "file", path);
    json_integer(json, "expires", term->until);
    json_close(json, '}');
}

// Number of certificates, OCSP responses, CAs and lists about which the log has a warning today.
static size_t count_warnings(const struct source *source) {
    char ignored[TERM_TEXT_SIZE];
    int64_t now = clock_wall_us() / 1000000;
    const struct term *term;
    size_t warnings = 0;
    for (size_t i = 0; (term = findings_term(source->findings, source->config, i)) != NULL; i++) {
        warnings += term_warning(term, source->config, now, ignored) ? 1 : 0;
    }
    return warnings;
}

static void put_certificates(struct json *json, const struct source *source) {
    size_t count = 0;
    const struct term **terms = sort_terms(source, &count);
    if (terms == NULL) {
        json->failed = true;
        return;
    }
    json_open(json, "certificates", '{');
    json_unsigned(json, "count", count);
    json_unsigned(json, "warnings", count_warnings(source));
    json_integer(json, "first_expires", count == 0 ? 0 : terms[0]->until);
    json_open(json, "next", '[');
    for (size_t i = 0; i < count && i < CERTIFICATES_MAX; i++) {
        put_certificate(json, source->config, terms[i]);
    }
    json_close(json, ']');
    json_close(json, '}');
    free(terms);
}

bool status_draw(const struct status *status, char *output, size_t capacity) {
    const struct children *children = status->children;
    struct json json = json_into(output, capacity);
    char started[CLOCK_ISO_SIZE];
    clock_format_iso(status->started_us, started);
    json_open(&json, NULL, '{');
    json_string(&json, "version", status->version);
    json_integer(&json, "pid", getpid());
    json_string(&json, "state", status->state);
    json_unsigned(&json, "generation", children->current->number);
    json_string(&json, "config", status->config_path);
    json_string(&json, "started", started);
    put_reload(&json, status->reload);
    put_upgrade(&json, status);
    put_maintenance(&json, status->children->current);
    servers_put_status(&json, children->current, children->shares.servers);
    put_watch(&json, status->automatic);
    put_orders(&json, children);
    put_children(&json, children);
    put_certificates(&json, children->current);
    json_unsigned(&json, "lost_log_lines", status->lost_log_lines);
    metrics_to_json(children->shares.metrics, shares_metric_slots(&children->shares), &json,
                    "metrics");
    json_close(&json, '}');
    return !json.failed;
}
