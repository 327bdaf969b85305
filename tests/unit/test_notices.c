// What the master says about certificates, when, and how it reads what an untrusted process found.
#include "process/notices.h"

#include "base/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY = 86400 };

// A config of two sites with two certificates each, as its paths and lines.
struct fixture {
    struct config_certificate certificates[2][2];
    struct config_site sites[2];
    struct config config;
    struct source source;
    struct log log;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 2; k++) {
            fixture->certificates[i][k].certificate_path = (char *)(uintptr_t) "/x.pem";
            fixture->certificates[i][k].line = 10 * (i + 1) + k;
        }
        fixture->sites[i].certificates = fixture->certificates[i];
        fixture->sites[i].certificate_count = 2;
    }
    fixture->config.path = (char *)(uintptr_t) "r.conf";
    fixture->config.sites = fixture->sites;
    fixture->config.site_count = 2;
    fixture->source.config = &fixture->config;
    fixture->source.findings = findings_map(&fixture->config);
    assert_non_null(fixture->source.findings);
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    log_init(&fixture->log, fd, SINK_NO_DAEMON, SEVERITY_INFO, "master");
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    (void)close(fixture->log.sink.fd);
    findings_unmap(fixture->source.findings, &fixture->config);
    free(fixture);
    return 0;
}

// The lifetime of one more certificate. Half a day more, so that the number of days does not hang
// on this moment.
static void lengthen(struct term *term, uint32_t number, int64_t from_days, int64_t until_days) {
    int64_t now = clock_wall_us() / 1000000;
    term_add(term, number, now + from_days * DAY, now + until_days * DAY + DAY / 2);
}

static void add(struct fixture *fixture, uint32_t site, uint32_t certificate, int64_t from_days,
                int64_t until_days) {
    struct term term = term_begin(TERM_CERTIFICATE, site, certificate);
    lengthen(&term, 1, from_days, until_days);
    findings_add(fixture->source.findings, &fixture->config, term);
}

// A response or a list: there is no warning before its end.
static void add_file(struct fixture *fixture, enum term_kind kind, uint32_t site, int64_t from_days,
                     int64_t until_days) {
    int64_t now = clock_wall_us() / 1000000;
    struct term term = term_begin(kind, site, 0);
    term.from = now + from_days * DAY;
    term.until = now + until_days * DAY + DAY / 2;
    findings_add(fixture->source.findings, &fixture->config, term);
}

// All that was logged so far.
static const char *logged(const struct fixture *fixture) {
    static char text[65536];
    ssize_t size = pread(fixture->log.sink.fd, text, sizeof(text) - 1, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    return text;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        found++;
    }
    return found;
}

static void use(struct fixture *fixture) {
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    struct notices notices;
    notices_start(&notices, loop, &fixture->log, NOTICES_PERIOD_S);
    notices_use(&notices, &fixture->source);
    notices_stop(&notices);
    ev_loop_destroy(loop);
}

static void test_what_expires_and_when(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 0, 0, -100, 20);
    add(fixture, 0, 1, -100, 21);
    add(fixture, 1, 0, -100, -3);
    add(fixture, 1, 1, 5, 100);
    use(fixture);
    const char *text = logged(fixture);
    assert_int_equal(count(text, "\n"), 3);
    assert_int_equal(count(text, " warning master"), 3);
    assert_int_equal(count(text, "r.conf:10: /x.pem: it expires on "), 1);
    assert_int_equal(count(text, " GMT, in 20 days"), 1);
    assert_int_equal(count(text, "r.conf:20: /x.pem: it expired on "), 1);
    assert_int_equal(count(text, " GMT, 2 days ago"), 1);
    assert_int_equal(count(text, "r.conf:21: /x.pem: it is not valid before "), 1);
}

static void test_which_certificate_of_a_chain(void **state) {
    struct fixture *fixture = *state;
    struct term term = term_begin(TERM_CERTIFICATE, 0, 0);
    lengthen(&term, 1, -100, 10);
    lengthen(&term, 3, -100, 1);
    lengthen(&term, 2, -100, 5);
    findings_add(fixture->source.findings, &fixture->config, term);
    use(fixture);
    assert_int_equal(count(logged(fixture), "/x.pem: certificate 3: it expires on "), 1);
    assert_int_equal(count(logged(fixture), "in 1 day\n"), 1);
}

// In days: since when and until when it is valid, and whether there is a warning.
static void test_the_lifetime_decides_when_to_warn(void **state) {
    static const struct {
        int64_t from;
        int64_t until;
        bool warned;
    } cases[] = {
        {0, 6, false},   {-3, 3, false},    {-4, 2, false},    {-5, 1, true},    {-60, 30, false},
        {-70, 20, true}, {-300, 65, false}, {-340, 22, false}, {-345, 20, true}, {-2, 0, true},
        {0, 1, false},   {-7, 7, false},    {-11, 3, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *fixture = *state;
        char text[TERM_TEXT_SIZE];
        struct term term = term_begin(TERM_CERTIFICATE, 0, 0);
        lengthen(&term, 1, cases[i].from, cases[i].until);
        assert_int_equal(term_warning(&term, &fixture->config, clock_wall_us() / 1000000, text),
                         cases[i].warned);
    }
    assert_int_equal(term_warning_time(0, INT64_C(90) * DAY), INT64_C(69) * DAY);
    assert_int_equal(term_warning_time(0, INT64_C(63) * DAY), INT64_C(42) * DAY);
    assert_int_equal(term_warning_time(0, INT64_C(6) * DAY), INT64_C(4) * DAY);
    assert_int_equal(term_warning_time(DAY, 0), 0);
    assert_true(term_warning_time(INT64_MIN, INT64_MAX) > 0);
    assert_true(term_warning_time(INT64_MAX, INT64_MIN) < 0);
}

// A fresh certificate that ends first does not hide the one above it, and is not warned about.
static void test_each_certificate_has_its_own_lifetime(void **state) {
    struct fixture *fixture = *state;
    struct term term = term_begin(TERM_CERTIFICATE, 0, 0);
    lengthen(&term, 1, -1, 5);
    lengthen(&term, 2, -800, 20);
    findings_add(fixture->source.findings, &fixture->config, term);
    use(fixture);
    assert_int_equal(count(logged(fixture), "\n"), 1);
    assert_int_equal(count(logged(fixture), "/x.pem: certificate 2: it expires on "), 1);
    assert_int_equal(count(logged(fixture), "in 20 days\n"), 1);
}

// They live for days: only that one is over is worth a word.
static void test_ocsp_responses(void **state) {
    struct fixture *fixture = *state;
    fixture->certificates[0][0].ocsp_path = (char *)(uintptr_t) "/x.ocsp";
    fixture->certificates[0][0].ocsp_line = 5;
    add_file(fixture, TERM_OCSP, 0, -1, 3);
    use(fixture);
    assert_string_equal(logged(fixture), "");
    add_file(fixture, TERM_OCSP, 0, -4, -2);
    use(fixture);
    assert_int_equal(count(logged(fixture), "\n"), 1);
    assert_int_equal(count(logged(fixture), "r.conf:5: /x.ocsp: it expired on "), 1);
    assert_int_equal(count(logged(fixture), " GMT, 1 day ago; it is not stapled\n"), 1);
}

static void test_files_about_clients(void **state) {
    struct fixture *fixture = *state;
    fixture->sites[1].client_ca_path = (char *)(uintptr_t) "/ca.pem";
    fixture->sites[1].client_ca_line = 7;
    fixture->sites[1].client_crl_path = (char *)(uintptr_t) "/list.crl";
    fixture->sites[1].client_crl_line = 8;
    add(fixture, 1, 0, -100, 10);
    add(fixture, 1, 0, -100, -1);
    add_file(fixture, TERM_CLIENT_CRL, 1, -100, 10);
    add_file(fixture, TERM_CLIENT_CRL, 1, -100, -2);
    for (size_t i = 0; i < 2; i++) {
        fixture->source.findings->terms[i].kind = TERM_CLIENT_CA;
    }
    use(fixture);
    const char *text = logged(fixture);
    assert_int_equal(count(text, "\n"), 3);
    assert_int_equal(count(text, "r.conf:7: /ca.pem: an authority in it expires on "), 1);
    assert_int_equal(count(text, "r.conf:7: /ca.pem: an authority in it expired on "), 1);
    assert_int_equal(count(text, "0 days ago; its clients are refused\n"), 1);
    assert_int_equal(count(text, "r.conf:8: /list.crl: a list in it expired on "), 1);
    assert_int_equal(count(text, "1 day ago; clients are refused\n"), 1);
}

static void test_warnings_are_said_line_by_line(void **state) {
    struct fixture *fixture = *state;
    (void)snprintf(fixture->source.findings->warnings, FINDINGS_TEXT_SIZE, "one\ntwo\nthree");
    (void)snprintf(fixture->source.warnings, sizeof(fixture->source.warnings), "four");
    use(fixture);
    assert_int_equal(count(logged(fixture), ": validator: one\n"), 1);
    assert_int_equal(count(logged(fixture), ": validator: two\n"), 1);
    assert_int_equal(count(logged(fixture), ": validator: three\n"), 1);
    assert_int_equal(count(logged(fixture), ": reader: four\n"), 1);
    assert_int_equal(count(logged(fixture), "\n"), 4);
}

static void test_dates_are_said_again_each_period_warnings_are_not(void **state) {
    struct fixture *fixture = *state;
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    struct notices notices;
    add(fixture, 0, 0, -100, 5);
    (void)snprintf(fixture->source.findings->warnings, FINDINGS_TEXT_SIZE, "a warning");
    notices_start(&notices, loop, &fixture->log, 0.01);
    notices_use(&notices, &fixture->source);
    while (count(logged(fixture), "in 5 days") < 4) {
        (void)ev_run(loop, EVRUN_ONCE);
    }
    assert_int_equal(count(logged(fixture), ": a warning"), 1);
    notices_stop(&notices);
    notices_stop(&notices);
    ev_loop_destroy(loop);
}

static void test_many_are_counted(void **state) {
    struct fixture *fixture = *state;
    enum { SITES = 75 };
    struct config_site *sites = calloc(SITES, sizeof(*sites));
    struct config config = fixture->config;
    config.sites = sites;
    config.site_count = SITES;
    for (size_t i = 0; i < SITES; i++) {
        sites[i] = fixture->sites[0];
    }
    struct source source = {.config = &config, .findings = findings_map(&config)};
    for (uint32_t i = 0; i < 2 * SITES; i++) {
        findings_add(source.findings, &config, (struct term){.site = i / 2, .certificate = i % 2});
    }
    struct fixture many = {.source = source, .log = fixture->log};
    many.config = config;
    use(&many);
    assert_int_equal(count(logged(fixture), "\n"), NOTICES_MAX + 1);
    assert_int_equal(count(logged(fixture), "and 50 more certificates"), 1);
    findings_unmap(source.findings, &config);
    free(sites);
}

// The process that wrote it read certificates of strangers.
static void test_nothing_written_there_is_believed(void **state) {
    struct fixture *fixture = *state;
    struct findings *findings = fixture->source.findings;
    // Four certificates with an OCSP response each, two sites with two files about clients.
    for (uint32_t i = 0; i < 20; i++) {
        add(fixture, 0, 0, -100, 1);
    }
    assert_int_equal(findings->count, 12);
    findings->count = UINT32_MAX;
    assert_null(findings_term(findings, &fixture->config, 12));
    memset(findings->warnings, 'x', FINDINGS_TEXT_SIZE); // without an end
    use(fixture);
    assert_int_equal(count(logged(fixture), "\n"), 13);
    findings->terms[1].site = 2;
    assert_null(findings_term(findings, &fixture->config, 1));
    findings->terms[2].certificate = UINT32_MAX;
    assert_null(findings_term(findings, &fixture->config, 2));
    findings->terms[3].kind = UINT32_MAX;
    assert_null(findings_term(findings, &fixture->config, 3));
    findings->terms[4].kind = TERM_CLIENT_CRL; // of a site that has none
    char text[TERM_TEXT_SIZE];
    assert_false(term_warning(&findings->terms[4], &fixture->config, INT64_MAX / 2, text));
    // Settled, it is a copy of what fits, in printable lines.
    struct findings *shared = findings_map(&fixture->config);
    memcpy(shared, findings, sizeof(*findings) + 12 * sizeof(struct term));
    memcpy(shared->warnings, "one\x1b[2J\ntwo\xe2\x80\xae", 14);
    struct findings *settled = findings_settle(shared, &fixture->config);
    assert_non_null(settled);
    assert_int_equal(settled->count, 9);
    assert_memory_equal(settled->warnings, "one?[2J\ntwo???xx", 16);
    assert_int_equal(settled->warnings[FINDINGS_TEXT_SIZE - 1], '\0');
    findings_unmap(settled, &fixture->config);
    findings->terms[0].from = INT64_MIN;
    findings->terms[0].until = INT64_MAX;
    findings->terms[1].site = 0;
    findings->terms[1].from = INT64_MAX;
    findings->terms[1].until = INT64_MIN;
    use(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_expires_and_when, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_certificate_of_a_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_lifetime_decides_when_to_warn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_certificate_has_its_own_lifetime, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_ocsp_responses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_about_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_warnings_are_said_line_by_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dates_are_said_again_each_period_warnings_are_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_written_there_is_believed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
