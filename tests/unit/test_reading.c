// The reader: its words and bundles as the master gets them, and its end at any allocation that
// fails.
#include "process/reading.h"

#include "folder.h"
#include "no_memory.h"

#include <poll.h>
#include <signal.h>

#define TEXT                                                                                       \
    "listen 127.0.0.1:8443 {}\nsite a.test { certificate a.pem { key = a.key }\n"                  \
    "route / { backend = b } }\nbackend b { server 127.0.0.1:9000 {} }\n"

static struct folder folder;
static char path[64];
static const struct title no_title = {NULL, 0};

static int set_up(void **state) {
    (void)state;
    folder_make(&folder);
    (void)snprintf(path, sizeof(path), "%s", in_folder(&folder, "r.conf"));
    write_file(&folder, "r.conf", TEXT, strlen(TEXT));
    write_file(&folder, "a.pem", "certificate", 11);
    write_file(&folder, "a.key", "key", 3);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    folder_free(&folder);
    return 0;
}

static struct source *read_well(const struct source *former) {
    char error[CONFIG_ERROR_SIZE] = "";
    const struct reading_input input = {path, former, &no_title};
    struct source *source = reading_wait(&input, 7, error);
    if (source == NULL) {
        fail_msg("%s", error);
    }
    return source;
}

static void assert_refused(const char *expected) {
    char error[CONFIG_ERROR_SIZE] = "";
    const struct reading_input input = {path, NULL, &no_title};
    assert_null(reading_wait(&input, 7, error));
    assert_non_null(strstr(error, expected));
}

static void test_a_source_comes(void **state) {
    (void)state;
    struct source *source = read_well(NULL);
    assert_int_equal(source->number, 7);
    assert_string_equal(source->config->path, path);
    assert_string_equal(source->config->sites[0].name, "a.test");
    assert_string_equal(source->warnings, "");
    struct bundle keys;
    assert_int_equal(bundle_open(dup(source->keys_fd), &keys), RESULT_OK);
    struct slice key = bundle_file(&keys, source->config->sites[0].certificates[0].key_path);
    assert_true(slice_equal(key, SLICE("key")));
    bundle_close(&keys);
    source_free(source, NULL);
}

static void test_what_is_wrong_is_told(void **state) {
    (void)state;
    write_file(&folder, "r.conf", "nonsense = 1\n", 13);
    assert_refused("r.conf:1: unknown option 'nonsense'");
    write_file(&folder, "r.conf", TEXT, strlen(TEXT));
    assert_int_equal(unlink(in_folder(&folder, "a.key")), 0);
    assert_refused("a.key': No such file");
}

static enum result end_of(struct reading *reading) {
    enum result result = RESULT_AGAIN;
    struct pollfd readable = {.fd = reading->child.fd, .events = POLLIN};
    while (result == RESULT_AGAIN && poll(&readable, 1, 60000) == 1) {
        result = reading_receive(reading);
    }
    assert_int_equal(reading->child.fd, -1);
    assert_int_equal(reading->child.pid, 0); // reaped
    return result;
}

static void test_the_same_again(void **state) {
    (void)state;
    struct source *former = read_well(NULL);
    const struct reading_input input = {path, former, &no_title};
    struct reading reading;
    assert_int_equal(reading_start(&reading, &input), RESULT_OK);
    assert_int_equal(end_of(&reading), RESULT_OK);
    assert_true(reading.same);
    assert_int_equal(reading.files_fd, -1);
    write_file(&folder, "a.key", "another key", 11);
    write_file(&folder, "r.conf", "nonsense", 8); // the text is the former one
    assert_int_equal(reading_start(&reading, &input), RESULT_OK);
    assert_int_equal(end_of(&reading), RESULT_OK);
    assert_false(reading.same);
    char error[CONFIG_ERROR_SIZE];
    struct source *source = reading_take(&reading, NULL, 8, error);
    assert_non_null(source);
    source_free(source, NULL);
    source_free(former, NULL);
}

static void test_cancel(void **state) {
    (void)state;
    const struct reading_input input = {path, NULL, &no_title};
    struct reading reading;
    reading_init(&reading);
    reading_cancel(&reading); // none
    assert_int_equal(reading_start(&reading, &input), RESULT_OK);
    pid_t pid = reading.child.pid;
    reading_cancel(&reading);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(reading.child.pid, 0);
    assert_int_equal(reading.child.fd, -1);
}

// libconfuse ends or crashes its process at most of them.
static void test_a_reader_without_memory_costs_nothing_but_the_reading(void **state) {
    (void)state;
    const struct reading_input input = {path, NULL, &no_title};
    size_t refusals = 0;
    (void)signal(SIGSEGV, SIG_DFL); // cmocka would go on with its tests in the child
    (void)signal(SIGABRT, SIG_DFL);
    for (uint64_t n = 1; n <= 200 && MEMORY_CAN_FAIL; n++) {
        struct reading reading;
        memory_fail_at(n); // in the child, which has a copy of this rule
        enum result started = reading_start(&reading, &input);
        (void)memory_again();
        if (started != RESULT_OK) {
            continue;
        }
        if (end_of(&reading) == RESULT_OK) {
            reading_cancel(&reading); // closes what came
        } else {
            assert_true(reading.child.text[0] != '\0');
            assert_int_equal(reading.files_fd, -1);
            refusals++;
        }
    }
    assert_true(!MEMORY_CAN_FAIL || refusals > 50);
    source_free(read_well(NULL), NULL);
}

static void test_a_master_without_memory_gets_an_error(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        char error[CONFIG_ERROR_SIZE] = "";
        const struct reading_input input = {path, NULL, &no_title};
        struct reading reading;
        assert_int_equal(reading_start(&reading, &input), RESULT_OK);
        assert_int_equal(end_of(&reading), RESULT_OK);
        int64_t before = no_memory.blocks;
        memory_fail_at(n);
        struct source *source = reading_take(&reading, path, 7, error);
        failed = memory_again();
        assert_true(source != NULL || (failed && error[0] != '\0'));
        source_free(source, NULL);
        assert_int_equal(no_memory.blocks, before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_source_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_same_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_without_memory_costs_nothing_but_the_reading,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_master_without_memory_gets_an_error, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
