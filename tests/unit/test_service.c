// What a service says at its start. What it does is tested through the program.
#include "session/service_internal.h"
#include "tls/record/aead.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static enum aead_start broken_start(void *scratch) {
    (void)scratch;
    return AEAD_BROKEN;
}

static const struct aead_gcm broken = {.name = "broken", .start = broken_start};

// Into `text`, which holds what was logged.
static void log_start(const struct aead_gcm *library, char *text, size_t size) {
    struct log log;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_init(&log, ends[1], SINK_NO_DAEMON, SEVERITY_INFO, "worker 7");
    struct service service = {.options = {.log = &log}};
    service.sessions.transports.engine = aead_engine_new(library);
    assert_non_null(service.sessions.transports.engine);
    service_log_start(&service);
    ssize_t length = read(ends[0], text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    record_engine_free(service.sessions.transports.engine);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_refused_library_is_logged_as_a_warning(void **state) {
    (void)state;
    char text[1024];
    log_start(&broken, text, sizeof(text));
    assert_non_null(strstr(text, " warning worker 7["));
    assert_non_null(strstr(text, ": broken failed its own tests and is not used; "
                                 "AES-GCM is done by wolfCrypt\n"));
}

static void test_otherwise_nothing_is_logged(void **state) {
    (void)state;
    char text[1024];
    log_start(NULL, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_library_is_logged_as_a_warning),
        cmocka_unit_test(test_otherwise_nothing_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
