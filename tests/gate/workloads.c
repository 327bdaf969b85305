// Small fixed pieces of work, each counted by callgrind (tests/gate/run starts it and reads the
// dumps). AES-GCM is wolfCrypt's, as valgrind does not know AVX-512. First it prints what the
// counts depend on beside our own code.
#include "exchange/router.h"
#include "http/encode.h"
#include "tls/handshake/context.h"
#include "tls/record/aead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>
#include <gnu/libc-version.h>
#include <valgrind/callgrind.h>

enum { TIMES = 100, FIELDS_MAX = 50 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "workloads: line %d: not so: %s\n", __LINE__, #condition);       \
            exit(EXIT_FAILURE);                                                                    \
        }                                                                                          \
    } while (0)

// --- Counting ---

// What lies between the two is counted under `name`.
static void count_begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

static void count_end(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}

// --- Records ---

struct records {
    struct record_engine *engine;
    struct record_layer ours, peer;
    uint8_t records[TIMES][RECORD_SIZE_MAX];
};

static void start_records(struct records *r, uint16_t suite) {
    uint8_t one[RECORD_SECRET_MAX], other[RECORD_SECRET_MAX];
    memset(one, 1, sizeof(one));
    memset(other, 2, sizeof(other));
    MUST(record_layer_init(&r->ours, suite, one, other, 0, 0, 0) == RESULT_OK);
    MUST(record_layer_init(&r->peer, suite, other, one, 0, 0, 0) == RESULT_OK);
    memset(r->records, 'x', sizeof(r->records));
}

static void seal_all(struct records *r, struct record_layer *layer, size_t size) {
    for (size_t i = 0; i < TIMES; i++) {
        uint8_t *record = r->records[i], *payload = record + RECORD_HEADER_SIZE;
        MUST(record_seal(layer, r->engine, RECORD_APPLICATION_DATA, payload, size, record,
                         payload + size + 1) == RESULT_OK);
    }
}

static void open_all(struct records *r, size_t size) {
    for (size_t i = 0; i < TIMES; i++) {
        enum record_event event;
        uint8_t *payload;
        size_t payload_size;
        MUST(record_open(&r->ours, r->engine, r->records[i], size + RECORD_OVERHEAD, &event,
                         &payload, &payload_size) == RESULT_OK);
        MUST(payload_size == size);
    }
}

static void update_keys(struct records *r) {
    uint8_t record[RECORD_KEY_UPDATE_SIZE];
    for (size_t i = 0; i < TIMES; i++) {
        MUST(record_seal_key_update(&r->ours, r->engine, record) == RESULT_OK);
    }
}

static void count_records(struct records *r, uint16_t suite, size_t size) {
    char name[80];
    const char *suite_name = policy_suites[policy_suite_index(suite)].name;
    start_records(r, suite);
    count_begin();
    seal_all(r, &r->ours, size);
    (void)snprintf(name, sizeof(name), "seal %zu bytes, %s", size, suite_name);
    count_end(name);

    start_records(r, suite);
    seal_all(r, &r->peer, size);
    count_begin();
    open_all(r, size);
    (void)snprintf(name, sizeof(name), "open %zu bytes, %s", size, suite_name);
    count_end(name);
}

static void count_all_records(void) {
    struct records *r = calloc(1, sizeof(*r));
    MUST(r != NULL);
    r->engine = aead_engine_new(NULL);
    MUST(r->engine != NULL);
    count_records(r, SUITE_AES_128_GCM_SHA256, 64);
    count_records(r, SUITE_AES_256_GCM_SHA384, 64);
    count_records(r, SUITE_CHACHA20_POLY1305_SHA256, 64);
    count_records(r, SUITE_AES_128_GCM_SHA256, RECORD_PAYLOAD_MAX);
    start_records(r, SUITE_AES_128_GCM_SHA256);
    count_begin();
    update_keys(r);
    count_end("KeyUpdate, TLS_AES_128_GCM_SHA256");
    record_engine_free(r->engine);
    free(r);
}

// --- Heads ---

static const char request_head[] =
    "GET /articles/2026/11/a-typical-page.html?ref=front HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://www.example.com/\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Priority: u=0, i\r\n"
    "\r\n";

static const char response_head[] = "HTTP/1.1 200 OK\r\n"
                                    "Server: example\r\n"
                                    "Date: Mon, 23 Nov 2026 06:00:00 GMT\r\n"
                                    "Content-Type: text/html; charset=utf-8\r\n"
                                    "Content-Length: 1024\r\n"
                                    "Last-Modified: Sun, 22 Nov 2026 06:00:00 GMT\r\n"
                                    "ETag: \"5f3c-400\"\r\n"
                                    "Cache-Control: max-age=600, must-revalidate\r\n"
                                    "Vary: Accept-Encoding\r\n"
                                    "Accept-Ranges: bytes\r\n"
                                    "Connection: keep-alive\r\n"
                                    "\r\n";

static size_t whole_head(const char *head, size_t size) {
    size_t scanned = 0;
    size_t end = http_head_end(head, size, &scanned);
    MUST(end == size);
    return end;
}

static void rewrite_requests(struct http_fields *fields) {
    static const struct http_forwarding forwarding = {.client_host = {"192.0.2.1", 9},
                                                      .proto = {"https", 5}};
    char output[4096];
    for (int i = 0; i < TIMES; i++) {
        struct http_request request;
        struct http_refusal refusal;
        const size_t size = whole_head(request_head, sizeof(request_head) - 1);
        MUST(http_parse_request((struct slice){request_head, size}, fields, &request, &refusal) ==
             RESULT_OK);
        MUST(http_encode_request(&request, &forwarding, (struct slice){"localhost", 9}, output,
                                 sizeof(output)) > 0);
    }
}

static void rewrite_responses(struct http_fields *fields) {
    static const struct http_response_framing framing = {.client_minor_version = 1};
    char output[4096];
    for (int i = 0; i < TIMES; i++) {
        struct http_response response;
        struct http_refusal refusal;
        const size_t size = whole_head(response_head, sizeof(response_head) - 1);
        MUST(http_parse_response((struct slice){response_head, size}, false,
                                 (struct slice){NULL, 0}, fields, &response,
                                 &refusal) == RESULT_OK);
        MUST(http_encode_response(&response, &framing, (struct slice){NULL, 0}, output,
                                  sizeof(output)) > 0);
    }
}

static void count_heads(void) {
    static struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    count_begin();
    rewrite_requests(&fields);
    count_end("parse and encode a request head");
    count_begin();
    rewrite_responses(&fields);
    count_end("parse and encode a response head");
}

// --- Sites ---

enum { SITES_MAX = 10000 };

// Names from all over the configuration. It takes as long among ten thousand sites as with one.
static void count_sites(size_t count) {
    static struct config_site sites[SITES_MAX];
    static char names[SITES_MAX][32];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "site-%04zu.test", i);
        sites[i] = (struct config_site){.name = names[i]};
    }
    const struct config config = {.sites = sites, .site_count = count};
    struct router *router = router_new(&config);
    MUST(router != NULL);
    count_begin();
    for (size_t i = 0; i < TIMES; i++) {
        size_t site = i * count / TIMES;
        MUST(router_find_site(router, slice_from(names[site])) == site);
    }
    char name[40];
    (void)snprintf(name, sizeof(name), "find a site among %zu", count);
    count_end(name);
    router_free(router);
}

// --- Surroundings ---

static void print_surroundings(void) {
    (void)printf("C library: glibc %s\n", gnu_get_libc_version());
    (void)printf("TLS library: wolfSSL %s\n", tls_library_version());
    (void)printf("event loop: libev %d.%d\n", ev_version_major(), ev_version_minor());
#ifdef __x86_64__
    (void)printf("processor as valgrind shows it: x86-64%s%s%s%s%s\n",
                 __builtin_cpu_supports("aes") ? " aes" : "",
                 __builtin_cpu_supports("pclmul") ? " pclmul" : "",
                 __builtin_cpu_supports("avx") ? " avx" : "",
                 __builtin_cpu_supports("avx2") ? " avx2" : "",
                 __builtin_cpu_supports("bmi2") ? " bmi2" : "");
#else
    (void)printf("processor as valgrind shows it: not x86-64\n");
#endif
}

int main(void) {
    print_surroundings();
    MUST(tls_library_init() == RESULT_OK);
    count_all_records();
    count_heads();
    count_sites(1);
    count_sites(SITES_MAX);
    tls_library_free();
    return EXIT_SUCCESS;
}
