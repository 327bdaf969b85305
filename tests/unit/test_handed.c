#include "process/handed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int listening(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void test_a_listening_socket_is_taken(void **state) {
    struct handed handed = {.count = 0};
    uint16_t port;
    (void)state;
    assert_true(handed_add(&handed, listening(&port), "web\n"));
    const struct handed_socket *taken = &handed.sockets[0];
    assert_null(taken->why);
    assert_string_equal(taken->name, "web?");
    assert_int_equal(address_port(&taken->address), port);
    assert_true((fcntl(taken->fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(taken->fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(handed_find(&handed, &taken->address, 0), 0);
    assert_int_equal(handed_find(&handed, &taken->address, 1), 1);
    handed_free(&handed);
    handed_free(&handed);
}

static bool listens(int fd) {
    int answer = 0;
    socklen_t size = sizeof(answer);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0;
}

static void test_unused_ones_of_a_former_ravelin_are_ended(void **state) {
    struct handed handed = {.count = 0};
    static const char *const names[] = {"ravelin", "ravelin", "web"};
    int also[3];
    uint16_t port;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fd = listening(&port);
        also[i] = dup(fd);
        assert_true(handed_add(&handed, fd, names[i]));
    }
    handed.sockets[1].is_used = true;
    handed_end_unused(&handed);
    assert_false(listens(also[0]));
    assert_true(listens(also[1]));
    assert_true(listens(also[2]));
    handed_free(&handed);
    for (size_t i = 0; i < 3; i++) {
        (void)close(also[i]);
    }
}

static void test_what_is_no_listening_tcp_socket_is_closed(void **state) {
    struct handed handed = {.count = 0};
    const int fds[] = {open("/dev/null", O_RDONLY), socket(AF_INET, SOCK_DGRAM, 0),
                       socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_STREAM, 0)};
    static const char *const why[] = {"is not a socket", "is not a TCP socket", "does not listen",
                                      "is not a TCP socket"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(handed_add(&handed, fds[i], "x"));
        assert_string_equal(handed.sockets[i].why, why[i]);
        assert_int_equal(handed.sockets[i].fd, -1);
        assert_int_equal(fcntl(fds[i], F_GETFD), -1);
    }
    handed_free(&handed);
}

// Only a former master hands unix sockets, and they are found by the address of the configuration.
static void test_a_unix_socket_of_a_former_master_is_taken(void **state) {
    struct handed handed = {.from_master = true};
    struct address address;
    const char *why = NULL;
    char path[64];
    char text[80];
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/ravelin-handed-%ld.sock", (long)getpid());
    (void)snprintf(text, sizeof(text), "unix:%s", path);
    assert_int_equal(address_parse(slice_from(text), &address, &why), RESULT_OK);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, &address.as.any, address.size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_true(handed_add(&handed, fd, ""));
    assert_null(handed.sockets[0].why);
    assert_int_equal(handed_find(&handed, &address, 0), 0);
    handed_free(&handed);
    (void)unlink(path);
}

// In a process of its own, whose descriptors from 3 on are ours to give.
static void in_child(void (*body)(void)) {
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        (void)close_range(3, ~0U, 0);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void need(int holds) {
    if (!holds) {
        _exit(1);
    }
}

static void say(const char *pid, const char *count, const char *names) {
    char own[16];
    (void)snprintf(own, sizeof(own), "%ld", (long)getpid());
    (void)setenv("LISTEN_PID", pid == NULL ? own : pid, 1);
    (void)setenv("LISTEN_FDS", count, 1);
    if (names != NULL) {
        (void)setenv("LISTEN_FDNAMES", names, 1);
    }
}

static void takes_both(void) {
    struct handed handed = {.count = 0};
    uint16_t ports[2];
    need(listening(&ports[0]) == 3 && listening(&ports[1]) == 4);
    say(NULL, "2", "first:second");
    handed_from_manager(&handed);
    need(handed.count == 2 && strcmp(handed.sockets[1].name, "second") == 0);
    need(address_port(&handed.sockets[1].address) == ports[1]);
    need(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
         getenv("LISTEN_FDNAMES") == NULL);
}

static void is_not_for_us(void) {
    struct handed handed = {.count = 0};
    uint16_t port;
    need(listening(&port) == 3);
    say("1", "1", NULL);
    handed_from_manager(&handed);
    need(handed.count == 0 && fcntl(3, F_GETFD) == 0 && getenv("LISTEN_FDS") == NULL);
}

static void counts_are_nonsense(void) {
    static const char *const counts[] = {"", "0", "-1", "1x", "99999999999999999999", "16385"};
    uint16_t port;
    need(listening(&port) == 3);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct handed handed = {.count = 0};
        say(NULL, counts[i], NULL);
        handed_from_manager(&handed);
        need(handed.count == 0);
    }
}

static void some_are_not_there(void) {
    struct handed handed = {.count = 0};
    uint16_t port;
    need(listening(&port) == 3);
    say(NULL, "3", NULL);
    handed_from_manager(&handed);
    need(handed.count == 1 && handed.sockets[0].name[0] == '\0');
}

static void test_sockets_of_a_service_manager(void **state) {
    (void)state;
    in_child(takes_both);
    in_child(is_not_for_us);
    in_child(counts_are_nonsense);
    in_child(some_are_not_there);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_listening_socket_is_taken),
        cmocka_unit_test(test_unused_ones_of_a_former_ravelin_are_ended),
        cmocka_unit_test(test_what_is_no_listening_tcp_socket_is_closed),
        cmocka_unit_test(test_a_unix_socket_of_a_former_master_is_taken),
        cmocka_unit_test(test_sockets_of_a_service_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
