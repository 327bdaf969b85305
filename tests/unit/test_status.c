// What `ravelin status` says of a master whose parts a test has put together.
#include "process/status.h"

#include "children_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct {
    struct reload reload;
    struct auto_reload automatic;
    struct upgrade upgrade;
    struct formers formers;
    struct status status;
    char text[65536];
} fixture;

static void ignore(void *context) {
    (void)context;
}

static int set_up(void **state) {
    static const struct children_handler handler = {.started = ignore};
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    lab_open(&handler);
    lab.source.findings = findings_map(&lab.config);
    fixture.reload.children = &lab.children;
    fixture.status = (struct status){
        .version = "1.2",
        .state = "running",
        .config_path = "/etc/a \"b\"\xff.conf",
        .started_us = 1795428672345678,
        .lost_log_lines = 7,
        .reload = &fixture.reload,
        .automatic = &fixture.automatic,
        .upgrade = &fixture.upgrade,
        .formers = &fixture.formers,
        .children = &lab.children,
    };
    return shares_map(&lab.children.shares, LAB_SLOTS) && lab.source.findings != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    findings_unmap(lab.source.findings, &lab.config);
    shares_unmap(&lab.children.shares);
    lab_close();
    return 0;
}

// The text has this part.
static void expect(const char *part) {
    assert_true(status_draw(&fixture.status, fixture.text, sizeof(fixture.text)));
    if (strstr(fixture.text, part) == NULL) {
        fail_msg("no %s in %s", part, fixture.text);
    }
}

static void test_the_master(void **state) {
    (void)state;
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "\"pid\":%ld,", (long)getpid());
    expect("{\"version\":\"1.2\",\"pid\":");
    expect(pid);
    expect("\"state\":\"running\",\"generation\":7,");
    expect("\"config\":\"/etc/a \\\"b\\\"\\u00ff.conf\",");
    expect("\"started\":\"2026-11-23T10:11:12.345Z\",");
    expect("\"lost_log_lines\":7,\"metrics\":{");
}

static void test_each_kind_has_a_list(void **state) {
    (void)state;
    char list[256];
    expect("\"clientss\":[{\"slot\":0,\"pid\":0,\"state\":\"dead\",\"restarts\":0},");
    lab_run();
    lab_child(LAB_SINGLE, 0)->restarts = 3;
    (void)snprintf(list, sizeof(list),
                   "\"singles\":[{\"slot\":0,\"pid\":%ld,\"state\":\"running\",\"restarts\":3}],",
                   (long)lab_child(LAB_SINGLE, 0)->pid);
    expect(list);
    assert_true(strstr(fixture.text, "\"clientss\"") < strstr(fixture.text, "\"singles\""));
    assert_true(strstr(fixture.text, "\"singles\"") < strstr(fixture.text, "\"keyss\""));
}

static void test_a_reload(void **state) {
    (void)state;
    static const struct {
        enum reload_phase phase;
        size_t kind;
        const char *name;
    } cases[] = {
        {RELOAD_IDLE, 0, "\"reload\":\"none\""},
        {RELOAD_READ, 0, "\"reload\":\"reading\""},
        {RELOAD_VALIDATE, 0, "\"reload\":\"validating\""},
        {RELOAD_LOAD, LAB_KEYS, "\"reload\":\"loading keyss\""},
        {RELOAD_LOAD, LAB_SINGLE, "\"reload\":\"loading singles\""},
        {RELOAD_COMMIT, LAB_CLIENTS, "\"reload\":\"committing\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture.reload.phase = cases[i].phase;
        fixture.reload.kind = cases[i].kind;
        expect(cases[i].name);
    }
}

static void test_certificate_watch(void **state) {
    (void)state;
    struct auto_reload *automatic = &fixture.automatic;
    expect("\"certificate_watch\":{\"state\":\"off\",\"problem\":null,\"last_reload\":null}");
    automatic->state = AUTO_RELOAD_WATCHING;
    expect("\"certificate_watch\":{\"state\":\"watching\",\"problem\":null,");
    (void)snprintf(automatic->problem, sizeof(automatic->problem), "no /x");
    automatic->state = AUTO_RELOAD_PARTIAL;
    expect("{\"state\":\"watching in part\",\"problem\":\"no /x\",");
    automatic->state = AUTO_RELOAD_BLIND;
    expect("{\"state\":\"not watching\",\"problem\":\"no /x\",");
    automatic->ended_us = 1795428672345678;
    automatic->outcome = AUTO_RELOAD_FAILED;
    (void)snprintf(automatic->ending, sizeof(automatic->ending), "no good");
    expect("\"last_reload\":{\"time\":\"2026-11-23T10:11:12.345Z\",\"ok\":false,"
           "\"message\":\"no good\"}");
    automatic->outcome = AUTO_RELOAD_SUCCEEDED;
    expect("\"ok\":true");
}

static void test_certificate_orders(void **state) {
    (void)state;
    struct children_orders *orders = &lab.children.orders;
    expect("\"certificate_orders\":{\"failing\":0,\"last_failure\":null},");
    orders->failing = 2;
    (void)snprintf(orders->last, sizeof(orders->last), "a.test: no \"luck\"");
    expect("\"certificate_orders\":{\"failing\":2,\"last_failure\":\"a.test: no \\\"luck\\\"\"},");
    lab.without_single = lab.source.number; // no site orders one
    expect("\"certificate_orders\":null,");
}

static void test_what_does_not_fit_is_refused(void **state) {
    (void)state;
    assert_true(status_draw(&fixture.status, fixture.text, sizeof(fixture.text)));
    size_t size = strlen(fixture.text);
    assert_true(status_draw(&fixture.status, fixture.text, size + 1));
    assert_false(status_draw(&fixture.status, fixture.text, size));
    assert_false(status_draw(&fixture.status, fixture.text, 10));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_master),         TEST(test_each_kind_has_a_list),
        TEST(test_a_reload),           TEST(test_certificate_watch),
        TEST(test_certificate_orders), TEST(test_what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
