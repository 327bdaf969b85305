// The listening sockets that a service manager keeps. tests/integration/test_restart.py has whole
// restarts.
#include "process/socket_store.h"

#include "process/ipc.h"
#include "process/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOCKETS = 150 };

struct lab {
    int manager;
    char folder[64];
    int fds[SOCKETS];
    struct listeners listeners;
};

static int own_socket(void) {
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0);
    return fd;
}

static int open_lab(void **state) {
    struct lab *lab = calloc(1, sizeof(*lab));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(lab->folder, sizeof(lab->folder), "/tmp/ravelin-store-XXXXXX");
    assert_non_null(mkdtemp(lab->folder));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", lab->folder);
    lab->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(lab->manager, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
    for (size_t i = 0; i < SOCKETS; i++) {
        lab->fds[i] = own_socket();
    }
    lab->listeners = (struct listeners){
        .count = 1, .slots = SOCKETS, .lanes = SOCKETS, .fds = lab->fds, .distinct = {SOCKETS}};
    *state = lab;
    return 0;
}

static int close_lab(void **state) {
    struct lab *lab = *state;
    char path[sizeof(lab->folder) + 8];
    for (size_t i = 0; i < SOCKETS; i++) {
        (void)close(lab->fds[i]);
    }
    (void)close(lab->manager);
    (void)snprintf(path, sizeof(path), "%s/notify", lab->folder);
    (void)unlink(path);
    (void)rmdir(lab->folder);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("FDSTORE");
    free(lab);
    return 0;
}

// The next message, and how many descriptors come with it; -1: there is none. The first one is the
// socket `first`, if there are any.
static int receive(const struct lab *lab, char text[64], int first) {
    union ipc_room room;
    struct iovec part = {text, 63};
    struct msghdr wire = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof(room.bytes)};
    struct stat wanted;
    struct stat got;
    int fds[IPC_FDS_MAX];
    ssize_t size = recvmsg(lab->manager, &wire, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        return -1;
    }
    text[size] = '\0';
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&wire);
    size_t count = rights == NULL ? 0 : (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > 0) {
        memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
        assert_int_equal(fstat(fds[0], &got), 0);
        assert_int_equal(fstat(first, &wanted), 0);
        assert_int_equal(got.st_ino, wanted.st_ino);
    }
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
    return (int)count;
}

static void assert_removal(const struct lab *lab) {
    char text[64];
    assert_int_equal(receive(lab, text, -1), 0);
    assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=ravelin");
}

static void assert_sockets(const struct lab *lab, int count, size_t first) {
    char text[64];
    assert_int_equal(receive(lab, text, lab->fds[first]), count);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=ravelin");
}

static void assert_no_more(const struct lab *lab) {
    char text[64];
    assert_int_equal(receive(lab, text, -1), -1);
}

static void put(struct lab *lab, const char *most) {
    struct socket_store store = {.is_stale = true};
    (void)setenv("FDSTORE", most, 1);
    socket_store_put(&store, &lab->listeners);
    assert_false(store.is_stale);
}

static void test_all_are_sent(void **state) {
    struct lab *lab = *state;
    put(lab, "1024");
    assert_removal(lab);
    assert_sockets(lab, NOTIFY_FDS_MAX, 0);
    assert_sockets(lab, SOCKETS - NOTIFY_FDS_MAX, NOTIFY_FDS_MAX);
    assert_no_more(lab);
}

static void test_no_more_than_it_keeps(void **state) {
    struct lab *lab = *state;
    put(lab, "129");
    assert_removal(lab);
    assert_sockets(lab, 128, 0);
    assert_sockets(lab, 1, 128);
    assert_no_more(lab);
    put(lab, "128");
    assert_removal(lab);
    assert_sockets(lab, 128, 0);
    assert_no_more(lab);
}

static void test_it_keeps_none(void **state) {
    struct lab *lab = *state;
    static const char *const numbers[] = {"", "0", "-1", "x"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        put(lab, numbers[i]);
        assert_no_more(lab);
    }
    struct socket_store store = {.is_stale = true};
    (void)unsetenv("FDSTORE");
    socket_store_put(&store, &lab->listeners);
    assert_false(store.is_stale);
    assert_no_more(lab);
}

static void test_those_of_the_manager_are_not_sent(void **state) {
    struct lab *lab = *state;
    for (size_t i = 0; i < SOCKETS; i++) {
        if (i != 3) {
            (void)close(lab->fds[i]);
            lab->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        }
    }
    put(lab, "1");
    assert_removal(lab);
    assert_sockets(lab, 1, 3);
    assert_no_more(lab);
}

static void test_what_it_does_not_accept_is_sent_later(void **state) {
    struct lab *lab = *state;
    struct socket_store store = {.is_stale = false};
    char text[64];
    (void)setenv("FDSTORE", "8", 1);
    socket_store_retry(&store, &lab->listeners);
    assert_no_more(lab);
    while (notify_manager("X")) {
    }
    socket_store_put(&store, &lab->listeners);
    assert_true(store.is_stale);
    socket_store_retry(&store, &lab->listeners);
    assert_true(store.is_stale);
    while (receive(lab, text, -1) == 0) {
    }
    socket_store_retry(&store, &lab->listeners);
    assert_false(store.is_stale);
    assert_removal(lab);
    assert_sockets(lab, 8, 0);
    assert_no_more(lab);
}

int main(void) {
#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, open_lab, close_lab)
    const struct CMUnitTest tests[] = {
        WITH_LAB(test_all_are_sent),
        WITH_LAB(test_no_more_than_it_keeps),
        WITH_LAB(test_it_keeps_none),
        WITH_LAB(test_those_of_the_manager_are_not_sent),
        WITH_LAB(test_what_it_does_not_accept_is_sent_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
