#include "process/ipc.h"

#include "descriptors.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_pair(void **state) {
    static int fds[2];
    *state = fds;
    return ipc_pair(fds) == RESULT_OK ? 0 : -1;
}

static int close_pair(void **state) {
    const int *fds = *state;
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    return 0;
}

static bool is_same_file(int a, int b) {
    struct stat left;
    struct stat right;
    assert_int_equal(fstat(a, &left), 0);
    assert_int_equal(fstat(b, &right), 0);
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static void test_a_plain_message(void **state) {
    const int *fds = *state;
    struct ipc_message message;
    assert_int_equal(ipc_send_type(fds[0], IPC_COMMIT, UINT64_MAX), RESULT_OK);
    memset(&message, 0xff, sizeof(message));
    assert_int_equal(ipc_receive(fds[1], &message), RESULT_OK);
    assert_int_equal(message.type, IPC_COMMIT);
    assert_true(message.generation == UINT64_MAX);
    assert_int_equal(message.listener_count, 0);
    assert_string_equal(message.text, "");
    for (int i = 0; i < IPC_FD_COUNT; i++) {
        assert_int_equal(ipc_take(&message, (enum ipc_fd)i), -1);
    }
}

static void test_text_and_options(void **state) {
    const int *fds = *state;
    struct ipc_message message;
    ipc_init(&message, IPC_FAILED, 7);
    message.log_level = LOG_LEVEL_DEBUG;
    message.log_daemon = SINK_DAEMON_JOURNAL;
    memset(message.text, 'x', sizeof(message.text) - 1);
    message.text[sizeof(message.text) - 1] = '\0';
    assert_int_equal(ipc_send(fds[1], &message), RESULT_OK);
    struct ipc_message received;
    assert_int_equal(ipc_receive(fds[0], &received), RESULT_OK);
    assert_int_equal(received.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(received.log_daemon, SINK_DAEMON_JOURNAL);
    assert_string_equal(received.text, message.text);
}

// Every place and every number of listeners: each descriptor arrives where it was put.
static void test_descriptors_arrive_in_their_places(void **state) {
    const int *fds = *state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    size_t before = count_descriptors();
    for (unsigned has = 0; has < 1U << IPC_FD_COUNT; has++) {
        struct ipc_message message;
        ipc_init(&message, IPC_LOAD, has);
        for (int i = 0; i < IPC_FD_COUNT; i++) {
            message.fds[i] = (has & 1U << i) != 0 ? pipes[i % 2] : -1;
        }
        message.listener_count = has * IPC_LISTENERS_MAX / ((1U << IPC_FD_COUNT) - 1);
        for (size_t i = 0; i < message.listener_count; i++) {
            message.listeners[i] = fds[i % 2];
        }
        assert_int_equal(ipc_send(fds[0], &message), RESULT_OK);
        struct ipc_message received;
        assert_int_equal(ipc_receive(fds[1], &received), RESULT_OK);
        assert_int_equal(received.listener_count, message.listener_count);
        for (int i = 0; i < IPC_FD_COUNT; i++) {
            assert_int_equal(received.fds[i] >= 0, message.fds[i] >= 0);
            if (received.fds[i] >= 0) {
                assert_true(is_same_file(received.fds[i], message.fds[i]));
                assert_int_equal(fcntl(received.fds[i], F_GETFD), FD_CLOEXEC);
            }
        }
        for (size_t i = 0; i < received.listener_count; i++) {
            assert_true(is_same_file(received.listeners[i], message.listeners[i]));
        }
        ipc_close(&received);
        ipc_close(&received);
    }
    assert_int_equal(count_descriptors(), before);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void test_what_was_taken_stays_open(void **state) {
    const int *fds = *state;
    struct ipc_message message;
    ipc_init(&message, IPC_DATA, 0);
    message.fds[IPC_FD_DATA] = fds[0];
    assert_int_equal(ipc_send(fds[0], &message), RESULT_OK);
    struct ipc_message received;
    assert_int_equal(ipc_receive(fds[1], &received), RESULT_OK);
    int taken = ipc_take(&received, IPC_FD_DATA);
    ipc_close(&received);
    assert_true(is_same_file(taken, fds[0]));
    (void)close(taken);
}

static void test_nothing_waits(void **state) {
    const int *fds = *state;
    struct ipc_message message;
    // fds[1] is a blocking descriptor.
    assert_int_equal(ipc_receive(fds[1], &message), RESULT_AGAIN);
    assert_int_equal(ipc_receive(fds[0], &message), RESULT_AGAIN);
    enum result result = RESULT_OK;
    for (int i = 0; i < 1000000 && result == RESULT_OK; i++) {
        result = ipc_send_type(fds[1], IPC_READY, 1);
    }
    assert_int_equal(result, RESULT_AGAIN);
}

static void test_the_end(void **state) {
    int *fds = *state;
    struct ipc_message message;
    assert_int_equal(ipc_send_type(fds[1], IPC_READY, 1), RESULT_OK);
    (void)close(fds[1]);
    fds[1] = -1;
    assert_int_equal(ipc_receive(fds[0], &message), RESULT_OK); // what was sent before still comes
    assert_int_equal(ipc_receive(fds[0], &message), RESULT_EOF);
    assert_int_equal(ipc_send_type(fds[0], IPC_COMMIT, 1), RESULT_EOF);
}

// --- What is not ours ---

// The same layout as in ipc.c.
struct wire {
    uint64_t generation;
    uint32_t type;
    uint16_t listener_count;
    uint8_t has;
    uint8_t log_level;
    uint8_t rest[8];
};

static enum result receive_raw(const int *fds, const void *data, size_t size, size_t fd_count) {
    struct iovec part = {(void *)(uintptr_t)data, size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(250 * sizeof(int))];
    } room;
    struct msghdr wire = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&room, 0, sizeof(room));
    if (fd_count > 0) {
        wire.msg_control = room.bytes;
        wire.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&wire);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        for (size_t i = 0; i < fd_count; i++) {
            memcpy(CMSG_DATA(header) + i * sizeof(int), &fds[0], sizeof(int));
        }
    }
    assert_true(sendmsg(fds[1], &wire, 0) >= 0);
    struct ipc_message message;
    return ipc_receive(fds[0], &message);
}

static void test_nonsense_is_refused_and_leaves_no_descriptor(void **state) {
    const int *fds = *state;
    const struct wire good = {.type = IPC_READY};
    const struct {
        struct wire wire;
        size_t size;
        size_t fd_count;
    } cases[] = {
        {{.type = 0}, sizeof(good), 0},
        {{.type = IPC_TYPE_END}, sizeof(good), 0},
        {{.type = UINT32_MAX}, sizeof(good), 0},
        {good, sizeof(good) - 1, 0},
        {good, 1, 0},
        {good, 0, 3},
        {good, sizeof(good), 1},
        {good, sizeof(good) - 1, 3},
        {{.type = IPC_LOAD, .has = 1}, sizeof(good), 0},
        {{.type = IPC_LOAD, .has = 3}, sizeof(good), 1},
        {{.type = IPC_LOAD, .has = 1U << IPC_FD_COUNT}, sizeof(good), 1},
        {{.type = IPC_LOAD, .listener_count = 2}, sizeof(good), 1},
        {{.type = IPC_LOAD, .listener_count = 65535}, sizeof(good), 1},
        {{.type = IPC_LOAD, .listener_count = IPC_LISTENERS_MAX + 1},
         sizeof(good),
         IPC_LISTENERS_MAX + 1},
        {{.type = IPC_LOAD, .listener_count = IPC_LISTENERS_MAX}, sizeof(good), 200},
        {{.type = IPC_LOAD, .log_level = 200}, sizeof(good), 0},
    };
    size_t before = count_descriptors();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(receive_raw(fds, &cases[i].wire, cases[i].size, cases[i].fd_count),
                         RESULT_ERROR);
        assert_int_equal(count_descriptors(), before);
    }
    assert_int_equal(receive_raw(fds, &good, sizeof(good), 0), RESULT_OK);
}

// A receiver without free descriptors gets the message without them, and keeps none.
static void test_a_message_to_a_receiver_without_free_descriptors(void **state) {
    const int *fds = *state;
    struct ipc_message message;
    struct ipc_message received;
    struct rlimit usual;
    ipc_init(&message, IPC_LOAD, 7);
    message.fds[IPC_FD_BUNDLE] = message.fds[IPC_FD_ERROR_LOG] = fds[0];
    message.listeners[0] = message.listeners[1] = fds[0];
    message.listener_count = 2;
    size_t before = count_descriptors();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    int lowest = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
    (void)close(lowest);
    for (int free = 0; free < 4; free++) {
        assert_int_equal(ipc_send(fds[0], &message), RESULT_OK);
        // Higher descriptors are in use or not, these few are all that a new one can be.
        const struct rlimit tight = {(rlim_t)lowest + free, usual.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        enum result result = ipc_receive(fds[1], &received);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
        assert_int_equal(result, RESULT_OK);
        assert_true(received.is_cut);
        assert_int_equal(received.type, IPC_LOAD);
        assert_int_equal(received.generation, 7);
        assert_int_equal(received.listener_count, 0);
        assert_int_equal(received.fds[IPC_FD_BUNDLE], -1);
        ipc_close(&received);
        assert_int_equal(count_descriptors(), before);
    }
    assert_int_equal(ipc_send(fds[0], &message), RESULT_OK);
    assert_int_equal(ipc_receive(fds[1], &received), RESULT_OK);
    assert_false(received.is_cut);
    assert_int_equal(received.listener_count, 2);
    ipc_close(&received);
}

static void test_a_text_that_is_too_long_is_refused(void **state) {
    const int *fds = *state;
    static char data[sizeof(struct wire) + CONFIG_ERROR_SIZE];
    const struct wire good = {.type = IPC_FAILED};
    memset(data, 'x', sizeof(data));
    memcpy(data, &good, sizeof(good));
    assert_int_equal(receive_raw(fds, data, sizeof(data) - 1, 0), RESULT_OK);
    assert_int_equal(receive_raw(fds, data, sizeof(data), 0), RESULT_ERROR);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_pair, close_pair)
    const struct CMUnitTest tests[] = {
        TEST(test_a_plain_message),
        TEST(test_text_and_options),
        TEST(test_descriptors_arrive_in_their_places),
        TEST(test_what_was_taken_stays_open),
        TEST(test_nothing_waits),
        TEST(test_the_end),
        TEST(test_nonsense_is_refused_and_leaves_no_descriptor),
        TEST(test_a_message_to_a_receiver_without_free_descriptors),
        TEST(test_a_text_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
