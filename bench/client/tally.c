#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tally tally;

static struct { char version[16], suite[64], group[32]; } facts;

void fail(const char *what) {
    (void)fprintf(stderr, "client: %s\n", what);
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void *grown(void *old, size_t count, size_t size) {
    void *new = reallocarray(old, count, size);
    if (new == NULL) {
        fail("out of memory");
    }
    return new;
}

static void add_value(struct values *values, uint64_t value) {
    if (values->count == values->room) {
        values->room = values->room == 0 ? 65536 : 2 * values->room;
        values->all = grown(values->all, values->room, sizeof(*values->all));
    }
    values->all[values->count++] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void count_latency(uint64_t from_ns, uint64_t to_ns) {
    add_value(&tally.latencies_us, to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0);
}

void count_before(uint64_t bytes) {
    add_value(&tally.bytes_before, bytes);
}

void count_error(const char *format, ...) {
    if (tally.errors++ == 0) {
        va_list values;
        va_start(values, format);
        (void)vsnprintf(tally.first_error, sizeof(tally.first_error), format, values);
        va_end(values);
    }
}

static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one;
    uint32_t b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static unsigned percentile(const struct values *values, double share) { // nearest rank
    if (values->count == 0) {
        return 0;
    }
    size_t rank = (size_t)(share * (double)values->count + 0.9999999);
    return values->all[rank == 0 ? 0 : rank > values->count ? values->count - 1 : rank - 1];
}

static void print_percentiles(const char *name, struct values *values) {
    if (values->count > 0) {
        qsort(values->all, values->count, sizeof(*values->all), compare);
    }
    (void)printf("\"%s\": {\"p50\": %u, \"p90\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}, ",
                 name, percentile(values, 0.5), percentile(values, 0.9), percentile(values, 0.99),
                 percentile(values, 0.999), percentile(values, 1));
}

static void print_text(const char *name, const char *text) {
    (void)printf("\"%s\": \"", name);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        (void)printf(plain ? "%c" : "\\u%04x", byte);
    }
    (void)printf("\"");
}

void print_tally(size_t open) {
    double seconds = (double)(tally.last_ns - tally.started_ns) / (double)SECOND_NS;
    (void)printf("{\"requests\": %llu, \"errors\": %llu, ", (unsigned long long)tally.requests,
                 (unsigned long long)tally.errors);
    print_text("first_error", tally.first_error);
    (void)printf(", \"bytes\": %llu, \"beside\": %llu, \"seconds\": %.6f, \"connects\": %llu, "
                 "\"resumed\": %llu, "
                 "\"lost\": %llu, "
                 "\"open\": %zu, ",
                 (unsigned long long)tally.bytes, (unsigned long long)tally.beside, seconds,
                 (unsigned long long)tally.connects, (unsigned long long)tally.resumed,
                 (unsigned long long)tally.lost, open);
    print_percentiles("latency_us", &tally.latencies_us);
    print_percentiles("bytes_before", &tally.bytes_before);
    print_text("version", facts.version);
    (void)printf(", ");
    print_text("suite", facts.suite);
    (void)printf(", ");
    print_text("group", facts.group);
    (void)printf("}\n");
    (void)fflush(stdout);
}

void clear_tally(void) {
    struct tally cleared = {.lost = tally.lost,
                            .latencies_us = tally.latencies_us,
                            .bytes_before = tally.bytes_before,
                            .started_ns = now_ns()};
    cleared.latencies_us.count = cleared.bytes_before.count = 0;
    tally = cleared;
    tally.last_ns = tally.started_ns;
}

void note_facts(const char *version, const char *suite, const char *group) {
    if (facts.version[0] == '\0') {
        (void)snprintf(facts.version, sizeof(facts.version), "%s", version);
        (void)snprintf(facts.suite, sizeof(facts.suite), "%s", suite);
        (void)snprintf(facts.group, sizeof(facts.group), "%s", group == NULL ? "?" : group);
    }
}
