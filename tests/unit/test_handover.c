#include "process/handover.h"

#include "descriptors.h"
#include "process/executable.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state) {
    static int fds[2];
    *state = fds;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
}

static int tear_down(void **state) {
    const int *fds = *state;
    (void)close(fds[0]);
    (void)close(fds[1]);
    return 0;
}

static void test_a_message_arrives_as_it_was_sent(void **state) {
    const int *fds = *state;
    struct handover_message *message = handover_message_new();
    struct handover_message *received = handover_message_new();
    handover_write(message, HANDOVER_ORDER, 7, "some data", 9);
    message->fds[0] = message->fds[1] = fds[0];
    message->fd_count = 2;
    assert_int_equal(handover_send(fds[0], message), RESULT_OK);
    assert_int_equal(handover_receive(fds[1], received), RESULT_OK);
    assert_int_equal(received->version, HANDOVER_VERSION);
    assert_int_equal(received->type, HANDOVER_ORDER);
    assert_int_equal(received->layout, 7);
    assert_string_equal((const char *)received->data, "some data");
    assert_int_equal(received->fd_count, 2);
    int first = received->fds[0];
    assert_true((fcntl(first, F_GETFD) & FD_CLOEXEC) != 0);
    handover_close_fds(received);
    assert_int_equal(fcntl(first, F_GETFD), -1);
    assert_int_equal(handover_receive(fds[1], received), RESULT_AGAIN);
    assert_int_equal(handover_say(fds[1], HANDOVER_GO), RESULT_OK);
    assert_int_equal(handover_receive(fds[0], received), RESULT_OK);
    assert_int_equal(received->type, HANDOVER_GO);
    assert_int_equal(received->size, 0);
    handover_message_free(message);
    handover_message_free(received);
    handover_message_free(NULL);
}

static void test_data_that_is_too_long_is_cut(void **state) {
    const int *fds = *state;
    static const char data[2 * HANDOVER_DATA_MAX];
    struct handover_message message;
    handover_write(&message, HANDOVER_FAILED, 0, data, sizeof(data));
    assert_int_equal(message.size, HANDOVER_DATA_MAX);
    assert_int_equal(handover_send(fds[0], &message), RESULT_OK);
    assert_int_equal(handover_receive(fds[1], &message), RESULT_OK);
    assert_int_equal(message.size, HANDOVER_DATA_MAX);
}

struct header {
    char magic[8];
    uint32_t version, type, layout, fd_count;
};

static enum result receive_raw(const int *fds, const void *data, size_t size) {
    struct handover_message message;
    assert_int_equal(send(fds[0], data, size, 0), (ssize_t)size);
    return handover_receive(fds[1], &message);
}

static void test_nonsense_is_refused(void **state) {
    const int *fds = *state;
    const struct header good = {"ravelin", HANDOVER_VERSION, HANDOVER_HELLO, 0, 0};
    const struct header bad[] = {
        {"Ravelin", HANDOVER_VERSION, HANDOVER_HELLO, 0, 0},
        {"ravelin", HANDOVER_VERSION, 0, 0, 0},
        {"ravelin", HANDOVER_VERSION, HANDOVER_TYPE_END, 0, 0},
        {"ravelin", HANDOVER_VERSION, HANDOVER_HELLO, 0, 1},
    };
    static const char large[sizeof(good) + HANDOVER_DATA_MAX + 1];
    assert_int_equal(receive_raw(fds, &good, sizeof(good)), RESULT_OK);
    assert_int_equal(receive_raw(fds, &good, sizeof(good) - 1), RESULT_ERROR);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(receive_raw(fds, &bad[i], sizeof(bad[i])), RESULT_ERROR);
    }
    assert_int_equal(receive_raw(fds, large, sizeof(large)), RESULT_ERROR);
}

// Of another version, only the version means something: it says that, and no more.
static void test_another_version_is_told(void **state) {
    const int *fds = *state;
    const struct header other = {"ravelin", HANDOVER_VERSION + 1, 12345, 0, 99};
    struct handover_message message;
    assert_int_equal(send(fds[0], &other, sizeof(other), 0), (ssize_t)sizeof(other));
    assert_int_equal(handover_receive(fds[1], &message), RESULT_OK);
    assert_int_equal(message.version, HANDOVER_VERSION + 1);
}

// More than a message can have: none of them stays open.
static void test_surplus_descriptors_are_closed(void **state) {
    const int *ends = *state;
    struct handover_message message;
    enum { SENT = HANDOVER_FDS_MAX + 20 };
    static const char nonsense[64] = "not a header";
    int fds[SENT];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(SENT * sizeof(int))];
    } room = {.bytes = {0}};
    for (size_t i = 0; i < SENT; i++) {
        fds[i] = STDERR_FILENO;
    }
    struct iovec part = {(void *)(uintptr_t)nonsense, sizeof(nonsense)};
    struct msghdr wire = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&wire);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(rights), fds, sizeof(fds));
    size_t before = count_descriptors();
    assert_int_equal(sendmsg(ends[0], &wire, 0), sizeof(nonsense));
    assert_int_equal(handover_receive(ends[1], &message), RESULT_ERROR);
    assert_int_equal(count_descriptors(), before);
}

static void test_the_end_of_the_other_one(void **state) {
    int *fds = *state;
    struct handover_message message;
    (void)close(fds[0]);
    assert_int_equal(handover_receive(fds[1], &message), RESULT_EOF);
    assert_int_equal(handover_say(fds[1], HANDOVER_GO), RESULT_EOF);
    fds[0] = dup(fds[1]);
}

// --- The executable ---

static void test_a_name_leads_to_this_program(void **state) {
    char own[PATH_MAX] = "";
    char path[PATH_MAX];
    char link[PATH_MAX];
    (void)state;
    assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
    (void)snprintf(link, sizeof(link), "/tmp/ravelin-executable-%ld", (long)getpid());
    (void)unlink(link);
    assert_int_equal(symlink(own, link), 0);
    executable_find(link, path); // the link, not where it leads to
    assert_string_equal(path, link);
    assert_int_equal(setenv("PATH", "/nowhere:relative:/tmp", 1), 0);
    executable_find(strrchr(link, '/') + 1, path);
    assert_string_equal(path, link);
    char former[PATH_MAX];
    assert_non_null(getcwd(former, sizeof(former)));
    assert_int_equal(chdir("/tmp"), 0);
    char relative[PATH_MAX];
    (void)snprintf(relative, sizeof(relative), "./%s", strrchr(link, '/') + 1);
    executable_find(relative, path);
    assert_string_equal(strrchr(path, '/'), strrchr(link, '/'));
    assert_int_equal(chdir(former), 0);
    for (size_t i = 0; i < 3; i++) { // names of something else
        static const char *const names[] = {"/bin/sh", "nothing", ""};
        executable_find(names[i], path);
        assert_string_equal(path, own);
    }
    (void)unlink(link);
}

static void test_what_can_be_started(void **state) {
    char path[PATH_MAX];
    char why[EXECUTABLE_TEXT_SIZE];
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/ravelin-started-%ld", (long)getpid());
    assert_false(executable_check(path, why));
    assert_non_null(strstr(why, "No such file"));
    assert_false(executable_check("", why));
    assert_false(executable_check("/tmp", why));
    assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), 0);
    assert_false(executable_check(path, why));
    assert_int_equal(chmod(path, 0755), 0);
    assert_true(executable_check(path, why));
    assert_int_equal(chmod(path, 0757), 0);
    assert_false(executable_check(path, why));
    assert_non_null(strstr(why, "any local user can write it"));
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_message_arrives_as_it_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_data_that_is_too_long_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonsense_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_version_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_surplus_descriptors_are_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_of_the_other_one, set_up, tear_down),
        cmocka_unit_test(test_a_name_leads_to_this_program),
        cmocka_unit_test(test_what_can_be_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
