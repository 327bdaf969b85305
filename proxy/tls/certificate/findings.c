#include "tls/certificate/findings.h"

#include "base/clock.h"
#include "base/printable.h"
#include "base/region.h"
#include "config/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

static size_t capacity(const struct config *config) {
    size_t most = 0;
    for (size_t i = 0; i < config->site_count; i++) {
        most += 2 * config->sites[i].certificate_count + 2;
    }
    return most;
}

static bool term_fits(const struct term *term, const struct config *config) {
    return term->kind < TERM_KIND_COUNT && term->site < config->site_count &&
           term->certificate < config->sites[term->site].certificate_count;
}

static size_t map_size(const struct config *config) {
    return region_round(sizeof(struct findings) + capacity(config) * sizeof(struct term));
}

// The findings are in the single slot of the region.
static struct region region_of(struct findings *findings, const struct config *config) {
    size_t size = map_size(config);
    uint8_t *base = (uint8_t *)findings;
    return (struct region){
        .writable = base,
        .readable = base + size,
        .slots = 1,
        .slot_size = size,
    };
}

struct findings *findings_map(const struct config *config) {
    struct region region;
    return region_map(&region, "ravelin-findings", 1, map_size(config))
               ? (struct findings *)(void *)region.writable
               : NULL;
}

void findings_lend(struct findings *findings, const struct config *config, bool lend) {
    if (findings != NULL) {
        const struct region region = region_of(findings, config);
        region_lend(&region, lend ? 0 : REGION_NO_SLOT);
    }
}

struct findings *findings_settle(struct findings *findings, const struct config *config) {
    struct findings *copy = findings_map(config); // lent to no process
    if (copy != NULL) {
        memcpy(copy->warnings, findings->warnings, FINDINGS_TEXT_SIZE - 1);
        printable_clean(copy->warnings, PRINTABLE_LINES);
        size_t count = findings->count;
        size_t most = capacity(config); // computed once, because it reads all sites
        for (size_t i = 0; i < count && i < most; i++) {
            struct term term = findings->terms[i];
            if (term_fits(&term, config)) {
                copy->terms[copy->count++] = term;
            }
        }
    }
    findings_unmap(findings, config);
    return copy;
}

void findings_unmap(struct findings *findings, const struct config *config) {
    if (findings != NULL) {
        struct region region = region_of(findings, config);
        region_unmap(&region);
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
    return term_fits(term, config) ? term : NULL;
}

// Limits a time to a range without overflows: the years 1 to 9999 are far inside.
static int64_t sane_time(int64_t seconds) {
    const int64_t most = INT64_C(1) << 40;
    return seconds > most ? most : seconds < -most ? -most : seconds;
}

static const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

// The subject of a term: a file, the line that names it, and the part of the file.
struct subject {
    const char *path; // NULL: not in the config
    int line;
    const char *what;
    const char *then; // consequence of an invalid file
};

static struct subject subject_of(const struct term *term, const struct config *config) {
    const struct config_site *site = &config->sites[term->site];
    const struct config_certificate *entry = &site->certificates[term->certificate];
    switch (term->kind) {
    case TERM_OCSP:
        return (struct subject){entry->ocsp_path, entry->ocsp_line, "it", "; it is not stapled"};
    case TERM_CLIENT_CA:
        return (struct subject){site->client_ca_path, site->client_ca_line, "an authority in it",
                                "; its clients are refused"};
    case TERM_CLIENT_CRL:
        return (struct subject){site->client_crl_path, site->client_crl_line, "a list in it",
                                "; clients are refused"};
    default:
        return (struct subject){entry->certificate_path, entry->line, "it", ""};
    }
}

int64_t term_warning_time(int64_t not_before, int64_t not_after) {
    const int64_t most = (int64_t)TERM_WARN_DAYS * DAY_S;
    int64_t end = sane_time(not_after);
    int64_t third = (end - sane_time(not_before)) / 3;
    return end - (third < 0 ? 0 : third < most ? third : most);
}

struct term term_begin(enum term_kind kind, uint32_t site, uint32_t certificate) {
    return (struct term){.kind = kind,
                         .site = site,
                         .certificate = certificate,
                         .from = INT64_MIN,
                         .until = INT64_MAX,
                         .warn_from = INT64_MAX,
                         .warn_until = INT64_MAX};
}

void term_add(struct term *term, uint32_t number, int64_t not_before, int64_t not_after) {
    int64_t warn_from = term_warning_time(not_before, not_after);
    if (not_before > term->from) {
        term->from = not_before;
    }
    if (not_after < term->until) {
        term->until = not_after;
        term->number = number;
    }
    if (warn_from < term->warn_from) {
        term->warn_from = warn_from;
        term->warn_until = not_after;
        term->warn_number = number;
    }
}

bool term_warning(const struct term *term, const struct config *config, int64_t now,
                  char text[TERM_TEXT_SIZE]) {
    const struct subject subject = subject_of(term, config);
    bool is_early = now < term->from;
    bool is_over = now > term->until;
    bool is_soon = !is_early && !is_over && now >= term->warn_from;
    if (subject.path == NULL || (!is_early && !is_over && !is_soon)) {
        return false;
    }
    int64_t moment = sane_time(is_early ? term->from : is_soon ? term->warn_until : term->until);
    uint32_t number = is_soon ? term->warn_number : term->number;
    int64_t days = (moment > now ? moment - now : now - moment) / DAY_S;
    char date[CLOCK_HTTP_DATE_SIZE];
    char which[32] = "";
    struct place place = config_place(config, subject.line);
    clock_format_http_date((time_t)moment, date);
    if (number > 1) {
        (void)snprintf(which, sizeof(which), "certificate %u: ", number);
    }
    (void)snprintf(text, TERM_TEXT_SIZE, "%s:%d: %.*s: %s%s %s %s, %s%" PRId64 " day%s%s%s",
                   place.file, place.line, 2 * REPORT_QUOTE_MAX, subject.path, which, subject.what,
                   is_early  ? "is not valid before"
                   : is_over ? "expired on"
                             : "expires on",
                   date, moment > now ? "in " : "", days, plural(days), moment > now ? "" : " ago",
                   is_early || is_over ? subject.then : "");
    return true;
}
