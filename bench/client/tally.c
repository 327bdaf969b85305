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

void count_latency(uint64_t from_ns, uint64_t to_ns) {
    if (tally.count == tally.room) {
        tally.room = tally.room == 0 ? 65536 : 2 * tally.room;
        tally.latencies_us = grown(tally.latencies_us, tally.room, sizeof(*tally.latencies_us));
    }
    uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
    tally.latencies_us[tally.count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
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

static unsigned percentile(double share) { // nearest rank
    if (tally.count == 0) {
        return 0;
    }
    size_t rank = (size_t)(share * (double)tally.count + 0.9999999);
    return tally.latencies_us[rank == 0 ? 0 : rank > tally.count ? tally.count - 1 : rank - 1];
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
    qsort(tally.latencies_us, tally.count, sizeof(*tally.latencies_us), compare);
    double seconds = (double)(tally.last_ns - tally.started_ns) / (double)SECOND_NS;
    (void)printf("{\"requests\": %llu, \"errors\": %llu, ", (unsigned long long)tally.requests,
                 (unsigned long long)tally.errors);
    print_text("first_error", tally.first_error);
    (void)printf(", \"bytes\": %llu, \"seconds\": %.6f, \"connects\": %llu, \"resumed\": %llu, "
                 "\"lost\": %llu, "
                 "\"open\": %zu, ",
                 (unsigned long long)tally.bytes, seconds, (unsigned long long)tally.connects,
                 (unsigned long long)tally.resumed, (unsigned long long)tally.lost, open);
    (void)printf(
        "\"latency_us\": {\"p50\": %u, \"p90\": %u, \"p99\": %u, \"p99.9\": %u, \"max\": %u}, ",
        percentile(0.5), percentile(0.9), percentile(0.99), percentile(0.999), percentile(1));
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
                            .room = tally.room,
                            .started_ns = now_ns()};
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
