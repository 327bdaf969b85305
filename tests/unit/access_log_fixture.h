// What the test programs of the access log share: a log over a file in memory, entries to write,
// and an error log to read.
#ifndef RAVELIN_TESTS_ACCESS_LOG_FIXTURE_H
#define RAVELIN_TESTS_ACCESS_LOG_FIXTURE_H

#include "observe/access_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

// An access log over a file in memory, and an error log over a pipe that keeps its lines apart.
struct fixture {
    int file;
    int error_ends[2];
    struct log errors;
    struct access_log log;
    char text[1 << 20]; // what read_text() read last
};

static inline int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    fixture->file = memfd_create("access", MFD_CLOEXEC);
    if (fixture->file < 0 || fcntl(fixture->file, F_SETFL, O_APPEND) != 0 ||
        pipe2(fixture->error_ends, O_DIRECT | O_NONBLOCK) != 0) {
        return -1;
    }
    log_init(&fixture->errors, fixture->error_ends[1], SINK_NO_DAEMON, SEVERITY_INFO, "worker 0");
    *state = fixture;
    return access_log_init(&fixture->log, fixture->file, SINK_NO_DAEMON, ACCESS_FORMAT_JSON,
                           &fixture->errors)
               ? 0
               : -1;
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    access_log_free(&fixture->log);
    close(fixture->file);
    close(fixture->error_ends[0]);
    close(fixture->error_ends[1]);
    return 0;
}

static inline void use_format(struct fixture *fixture, enum access_format format) {
    access_log_reopen(&fixture->log, fixture->file, SINK_NO_DAEMON, format);
}

// Everything in the file, NUL-terminated, without flushing. The file is empty afterwards.
static inline char *read_text(struct fixture *fixture) {
    ssize_t size = pread(fixture->file, fixture->text, sizeof(fixture->text) - 1, 0);
    assert_true(size >= 0);
    fixture->text[size] = '\0';
    assert_int_equal(ftruncate(fixture->file, 0), 0);
    return fixture->text;
}

// What one entry becomes, with its line end.
static inline char *written(struct fixture *fixture, const struct access_entry *entry) {
    access_log_write(&fixture->log, entry);
    access_log_flush(&fixture->log);
    return read_text(fixture);
}

// The next line of the error log, or "".
static inline const char *read_error(struct fixture *fixture) {
    ssize_t size = read(fixture->error_ends[0], fixture->text, 4096);
    fixture->text[size > 0 ? size : 0] = '\0';
    return fixture->text;
}

static inline struct access_entry usual_entry(void) {
    return (struct access_entry){
        .started_us = 1795428672345678,
        .client = SLICE("192.0.2.1"),
        .client_port = 54321,
        .site = SLICE("localhost"),
        .method = SLICE("GET"),
        .target = SLICE("/api/items?page=2"),
        .host = SLICE("localhost:8443"),
        .minor_version = 1,
        .status = 200,
        .request_bytes = 0,
        .response_bytes = 1024,
        .referer = SLICE("https://localhost:8443/"),
        .user_agent = SLICE("curl/8.5.0"),
        .backend = SLICE("api"),
        .server = SLICE("127.0.0.1:9000"),
        .server_reused = true,
        .duration_us = 1234,
        .connect_us = 7,
        .response_us = 1100,
        .tls_version = SLICE("TLSv1.3"),
        .tls_group = SLICE("X25519MLKEM768"),
        .tls_suite = SLICE("TLS_AES_128_GCM_SHA256"),
        .tls_resumed = true,
        .tls_sni = SLICE("localhost"),
        .tls_client = SLICE("CN=Ada"),
    };
}

// A handshake that failed.
static inline struct access_entry empty_entry(void) {
    return (struct access_entry){
        .started_us = 971186136000000,
        .client = SLICE("2001:db8::1"),
        .client_port = 1,
        .duration_us = 10,
        .connect_us = -1,
        .response_us = -1,
        .ended = "handshake failed",
    };
}

// Fills text with a repeated unit.
static inline struct slice repeated(char *text, size_t size, const char *unit) {
    size_t unit_size = strlen(unit);
    for (size_t i = 0; i < size; i++) {
        text[i] = unit[i % unit_size];
    }
    return (struct slice){text, size};
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
