#include "tls/findings.h"

#include "base/clock.h"
#include "config/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

enum { DAY_S = 86400 };

static size_t capacity(const struct config *config) {
    size_t most = 0;
    for (size_t i = 0; i < config->site_count; i++) {
        most += 2 * config->sites[i].certificate_count; // with an OCSP response each
    }
    return most;
}

static size_t map_size(const struct config *config) {
    return sizeof(struct findings) + capacity(config) * sizeof(struct term);
}

struct findings *findings_map(const struct config *config) {
    void *map =
        mmap(NULL, map_size(config), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? NULL : (struct findings *)map;
}

void findings_unmap(struct findings *findings, const struct config *config) {
    if (findings != NULL) {
        (void)munmap(findings, map_size(config));
    }
}

void findings_add(struct findings *findings, const struct config *config, struct term term) {
    if (findings->count < capacity(config)) {
        findings->terms[findings->count++] = term;
    }
}

const struct term *findings_term(const struct findings *findings, const struct config *config,
                                 size_t index) {
    if (findings == NULL || index >= findings->count || index >= capacity(config)) {
        return NULL;
    }
    const struct term *term = &findings->terms[index];
    if (term->site >= config->site_count ||
        term->certificate >= config->sites[term->site].certificate_count) {
        return NULL;
    }
    return term;
}

// Within what can be reckoned with: the years 1 to 9999 lie well inside.
static int64_t sane_time(int64_t seconds) {
    const int64_t most = INT64_C(1) << 40;
    return seconds > most ? most : seconds < -most ? -most : seconds;
}

static const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

// The file a term is about, and the line that names it.
static const char *term_file(const struct term *term, const struct config *config, int *line) {
    const struct config_certificate *entry =
        &config->sites[term->site].certificates[term->certificate];
    bool is_ocsp = term->kind == TERM_OCSP && entry->ocsp_path != NULL;
    *line = is_ocsp ? entry->ocsp_line : entry->line;
    return is_ocsp ? entry->ocsp_path : entry->certificate_path;
}

bool term_warning(const struct term *term, const struct config *config, int64_t now,
                  char text[TERM_TEXT_SIZE]) {
    bool is_early = now < term->from;
    bool is_over = now > term->until;
    bool is_soon =
        term->kind == TERM_CERTIFICATE && now + (int64_t)TERM_WARN_DAYS * DAY_S > term->until;
    if (!is_early && !is_over && !is_soon) {
        return false;
    }
    int64_t moment = sane_time(is_early ? term->from : term->until);
    int64_t days = (moment > now ? moment - now : now - moment) / DAY_S;
    int line;
    const char *path = term_file(term, config, &line);
    char date[CLOCK_HTTP_DATE_SIZE];
    char which[32] = "";
    clock_format_http_date((time_t)moment, date);
    if (term->number > 1) {
        (void)snprintf(which, sizeof(which), "certificate %u: ", term->number);
    }
    (void)snprintf(text, TERM_TEXT_SIZE, "%s:%d: %.*s: %s%s %s, %s%" PRId64 " day%s%s%s",
                   config->path, line, 2 * REPORT_QUOTE_MAX, path, which,
                   is_early  ? "it is not valid before"
                   : is_over ? "it expired on"
                             : "it expires on",
                   date, moment > now ? "in " : "", days, plural(days), moment > now ? "" : " ago",
                   term->kind == TERM_OCSP ? "; it is not stapled" : "");
    return true;
}
