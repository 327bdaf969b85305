#include "base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct address address_of(const char *text) {
    struct address address;
    const char *why;
    if (address_parse(slice_from(text), &address, &why) != RESULT_OK) {
        fail_msg("%s: %s", text, why);
    }
    return address;
}

static void test_an_address_reads_back_as_it_was_written(void **state) {
    (void)state;
    static const char *const texts[] = {
        "1.2.3.4:80",        "0.0.0.0:0",          "255.255.255.255:65535", "[::1]:80",
        "[2001:db8::1]:443", "[::ffff:1.2.3.4]:1", "unix:/run/app.sock",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct address address = address_of(texts[i]);
        char text[ADDRESS_TEXT_SIZE];
        address_format(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void test_equal_addresses_have_one_text(void **state) {
    (void)state;
    struct address a = address_of("[0:0:0:0:0:0:0:1]:0080");
    struct address b = address_of("[::1]:80");
    char text[ADDRESS_TEXT_SIZE];
    address_format(&a, text);
    assert_string_equal(text, "[::1]:80");
    assert_true(address_equal(&a, &b));
}

static void test_what_is_no_address_is_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "no address"},
        {"1.2.3.4", "no port"},
        {"[::1]", "no port"},
        {"[::1]80", "no port"},
        {"[::1:80", "no closing bracket"},
        {"1.2.3.4:", "the port is not 0 to 65535"},
        {"1.2.3.4:65536", "the port is not 0 to 65535"},
        {"1.2.3.4:123456", "the port is not 0 to 65535"},
        {"1.2.3.4:-1", "the port is not 0 to 65535"},
        {"1.2.3.4:8x", "the port is not 0 to 65535"},
        {"[::1]:", "the port is not 0 to 65535"},
        {"1.2.3:80", "not an IPv4 address"},
        {"01.2.3.4:80", "not an IPv4 address"},
        {"localhost:80", "not an IPv4 address"},
        {":80", "not an IPv4 address"},
        {"::1:80", "an IPv6 address must be in brackets"},
        {"[1.2.3.4]:80", "not an IPv6 address between the brackets"},
        {"[fe80::1%eth0]:80", "not an IPv6 address between the brackets"},
        {"[]:80", "not an IPv6 address between the brackets"},
        {"unix:", "a unix path must be absolute"},
        {"unix:run/app.sock", "a unix path must be absolute"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        const char *why;
        if (address_parse(slice_from(cases[i].text), &address, &why) == RESULT_OK) {
            fail_msg("accepted: %s", cases[i].text);
        }
        assert_string_equal(why, cases[i].why);
    }
}

static void test_no_nul_hides_the_rest_of_an_address(void **state) {
    (void)state;
    struct address address;
    const char *why;
    assert_int_equal(address_parse(SLICE("1.2.3.4\0x:80"), &address, &why), RESULT_ERROR);
    assert_int_equal(address_parse(SLICE("[::1\0x]:80"), &address, &why), RESULT_ERROR);
    assert_int_equal(address_parse(SLICE("unix:/a\0b"), &address, &why), RESULT_ERROR);
    assert_int_equal(address_parse((struct slice){NULL, 0}, &address, &why), RESULT_ERROR);
}

static void test_a_unix_path_fits_with_its_nul(void **state) {
    (void)state;
    char text[sizeof("unix:") + 108] = "unix:/";
    struct address address;
    const char *why;
    memset(text + 6, 'a', 106);
    assert_int_equal(address_parse((struct slice){text, 5 + 107}, &address, &why), RESULT_OK);
    char back[ADDRESS_TEXT_SIZE];
    address_format(&address, back);
    assert_int_equal(strlen(back), 5 + 107);
    text[6 + 106] = 'a';
    assert_int_equal(address_parse((struct slice){text, 5 + 108}, &address, &why), RESULT_ERROR);
    assert_string_equal(why, "a unix path is at most 107 bytes long");
}

static void test_host_and_port_apart(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        {"1.2.3.4:80", "1.2.3.4", 80}, {"[::1]:8443", "::1", 8443}, {"unix:/a", "unix:", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address = address_of(cases[i].text);
        char host[ADDRESS_TEXT_SIZE];
        address_format_host(&address, host);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(address_port(&address), cases[i].port);
    }
}

static void test_equal_means_family_host_and_port(void **state) {
    (void)state;
    static const char *const texts[] = {"1.2.3.4:80", "1.2.3.4:81", "1.2.3.5:80", "[::1]:80",
                                        "[::2]:80",   "unix:/a",    "unix:/b",    "unix:/a/b"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            struct address a = address_of(texts[i]);
            struct address b = address_of(texts[j]);
            assert_int_equal(address_equal(&a, &b), i == j);
        }
    }
}

static void test_an_unnamed_unix_client_has_a_text(void **state) {
    (void)state;
    struct address address = {.as.any.sa_family = AF_UNIX, .size = sizeof(sa_family_t)};
    char text[ADDRESS_TEXT_SIZE];
    memset(address.as.unix_path.sun_path, 'x', sizeof(address.as.unix_path.sun_path));
    address_format(&address, text);
    assert_string_equal(text, "unix:");
}

// The address a socket is bound to.
static struct address bound_address(int fd) {
    struct address address = {.size = sizeof(address.as)};
    assert_int_equal(getsockname(fd, &address.as.any, &address.size), 0);
    return address;
}

static int listen_somewhere(const char *text) {
    struct address address = address_of(text);
    int fd = socket_listen(&address, 8);
    assert_true(fd >= 0);
    return fd;
}

static void wait_for(int fd, short events) {
    struct pollfd poller = {.fd = fd, .events = events};
    assert_int_equal(poll(&poller, 1, 10000), 1);
}

static void assert_flags(int fd) {
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void assert_nodelay(int fd) {
    int on = 0;
    socklen_t size = sizeof(on);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_not_equal(on, 0);
}

static void assert_connects(int listener) {
    struct address address = bound_address(listener);
    enum connect_state connected;
    int fd = socket_connect(&address, &connected);
    assert_true(fd >= 0);
    assert_flags(fd);
    if (connected != CONNECT_DONE) {
        wait_for(fd, POLLOUT);
    }
    assert_int_equal(socket_error(fd), 0);
    wait_for(listener, POLLIN);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_nodelay(accepted);
    assert_int_equal(write(fd, "x", 1), 1);
    wait_for(accepted, POLLIN);
    close(accepted);
    close(fd);
}

static void test_listen_and_connect(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int listener = listen_somewhere(texts[i]);
        assert_flags(listener);
        assert_connects(listener);
        close(listener);
    }
}

// As a rule: a busy kernel may put it off.
static void test_a_loopback_connection_is_done_at_once(void **state) {
    (void)state;
    int listener = listen_somewhere("127.0.0.1:0");
    struct address address = bound_address(listener);
    enum connect_state connected = CONNECT_PENDING;
    for (int i = 0; i < 1000 && connected != CONNECT_DONE; i++) {
        int fd = socket_connect(&address, &connected);
        assert_true(fd >= 0);
        close(accept(listener, NULL, NULL));
        close(fd);
    }
    assert_int_equal(connected, CONNECT_DONE);
    close(listener);
}

static void test_a_refused_loopback_connection_keeps_its_error(void **state) {
    (void)state;
    int listener = listen_somewhere("127.0.0.1:0");
    struct address address = bound_address(listener);
    close(listener);
    enum connect_state connected;
    int fd = socket_connect(&address, &connected);
    assert_true(fd >= 0);
    assert_int_equal(connected, CONNECT_PENDING);
    wait_for(fd, POLLOUT);
    assert_int_equal(socket_error(fd), ECONNREFUSED);
    close(fd);
}

static void assert_congestion_control(int fd, const char *wanted) {
    char name[16] = "";
    socklen_t size = sizeof(name);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    assert_string_equal(name, wanted);
}

static int number_of(int fd, int level, int option) {
    int number = -1;
    socklen_t size = sizeof(number);
    assert_int_equal(getsockopt(fd, level, option, &number, &size), 0);
    return number;
}

// Bound by the maximum of the system, and told twice.
static int bounded_buffer(int bytes) {
    FILE *file = fopen("/proc/sys/net/core/rmem_max", "re");
    int most = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &most), 1); // NOLINT(cert-err34-c): the kernel wrote it
    fclose(file);
    return 2 * (bytes < most ? bytes : most);
}

static void test_what_the_kernel_holds_is_bounded(void **state) {
    (void)state;
    static const char *const within[] = {"127.0.0.1:0", "[::1]:0"};
    int receives = bounded_buffer(1024 * 1024);
    for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++) {
        int listener = listen_somewhere(within[i]);
        struct address address = bound_address(listener);
        enum connect_state connected;
        int fd = socket_connect(&address, &connected);
        assert_true(fd >= 0);
        assert_int_equal(number_of(fd, SOL_SOCKET, SO_RCVBUF), receives);
        wait_for(listener, POLLIN);
        int accepted = accept(listener, NULL, NULL);
        assert_int_equal(number_of(accepted, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 256 * 1024);
        close(accepted);
        close(fd);
        close(listener);
    }
    struct address outside = address_of("192.0.2.1:9");
    enum connect_state connected;
    int fd = socket_connect(&outside, &connected);
    if (fd >= 0) {
        int plain = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(number_of(fd, SOL_SOCKET, SO_RCVBUF),
                         number_of(plain, SOL_SOCKET, SO_RCVBUF));
        close(plain);
        close(fd);
    }
}

static void test_a_reset_listener_is_as_it_was(void **state) {
    (void)state;
    int fd = listen_somewhere("127.0.0.1:0");
    int sends = number_of(fd, SOL_SOCKET, SO_SNDBUF),
        receives = number_of(fd, SOL_SOCKET, SO_RCVBUF);
    int locks = number_of(fd, SOL_SOCKET, SO_BUF_LOCK);
    static const int small = 5000, off = 0;
    socket_set_low_water(fd, 5000);
    socket_limit_unsent(fd, 5000);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &small, sizeof(small)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    socket_reset_listening(fd);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_SNDBUF), sends);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_RCVBUF), receives);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_BUF_LOCK), locks);
    assert_int_equal(number_of(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
    assert_int_equal(number_of(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 256 * 1024);
    assert_int_equal(number_of(fd, IPPROTO_TCP, TCP_QUICKACK), 1);
    assert_true(number_of(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP) >= UINT16_MAX << 14);
    close(fd);
}

// Elsewhere it is the system's own, which is looked up at a connection like any other.
static void test_within_the_machine_nothing_is_paced(void **state) {
    (void)state;
    static const char *const within[] = {"127.0.0.1:0", "127.255.0.9:0", "[::1]:0"};
    for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++) {
        int listener = listen_somewhere(within[i]);
        struct address address = bound_address(listener);
        enum connect_state connected;
        int fd = socket_connect(&address, &connected);
        assert_true(fd >= 0);
        assert_congestion_control(fd, "reno");
        close(fd);
        close(listener);
    }
    char usual[16] = "";
    socklen_t size = sizeof(usual);
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getsockopt(plain, IPPROTO_TCP, TCP_CONGESTION, usual, &size), 0);
    close(plain);
    struct address outside = address_of("192.0.2.1:9"); // for documentation: nobody has it
    enum connect_state connected;
    int fd = socket_connect(&outside, &connected);
    if (fd >= 0) { // there may be no way out of here
        assert_congestion_control(fd, usual);
        close(fd);
    }
}

static void test_several_workers_listen_on_one_port(void **state) {
    (void)state;
    int first = listen_somewhere("127.0.0.1:0");
    struct address address = bound_address(first);
    int second = socket_listen(&address, 8);
    assert_true(second >= 0);
    close(second);
    close(first);
}

static void test_ipv6_leaves_ipv4_alone(void **state) {
    (void)state;
    int fd = listen_somewhere("[::]:0");
    int only = 0;
    socklen_t size = sizeof(only);
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size), 0);
    assert_int_equal(only, 1);
    close(fd);
}

static void test_a_unix_listener_is_refused(void **state) {
    (void)state;
    struct address address = address_of("unix:/nowhere");
    assert_int_equal(socket_listen(&address, 8), -1);
    assert_int_equal(errno, EAFNOSUPPORT);
}

static void test_a_listener_that_cannot_be_says_why(void **state) {
    (void)state;
    struct address address = address_of("192.0.2.1:1"); // not this machine's (RFC 5737)
    assert_int_equal(socket_listen(&address, 8), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

static void test_a_closed_port_is_an_error_of_the_socket(void **state) {
    (void)state;
    // Bound but not listening: refuses, and nobody else can take the port meanwhile.
    int owner = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address any = address_of("127.0.0.1:0");
    enum connect_state connected;
    assert_int_equal(bind(owner, &any.as.any, any.size), 0);
    struct address address = bound_address(owner);
    int fd = socket_connect(&address, &connected);
    if (fd < 0) {
        assert_int_equal(errno, ECONNREFUSED);
    } else {
        assert_int_equal(connected, CONNECT_PENDING);
        wait_for(fd, POLLOUT);
        assert_int_equal(socket_error(fd), ECONNREFUSED);
        close(fd);
    }
    close(owner);
}

enum { WAITING_MAX = 8 };

// Connects until the queue of the server is full; the first of fds[] waits for room, the others are
// in the queue.
static void fill_queue(const struct address *address, int fds[WAITING_MAX]) {
    for (int i = 0; i < WAITING_MAX; i++) {
        fds[i] = -1;
    }
    for (int i = WAITING_MAX - 1; i > 0; i--) {
        enum connect_state connected;
        int fd = socket_connect(address, &connected);
        assert_true(fd >= 0);
        if (connected == CONNECT_QUEUE_FULL) {
            assert_flags(fd);
            fds[0] = fd;
            return;
        }
        assert_int_equal(connected, CONNECT_DONE);
        fds[i] = fd;
    }
    fail_msg("the queue does not fill up");
}

static void close_all(const int fds[WAITING_MAX]) {
    for (int i = 0; i < WAITING_MAX; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static void test_connect_to_a_unix_server(void **state) {
    (void)state;
    int fds[WAITING_MAX];
    char folder[] = "/tmp/ravelin-test-socket-XXXXXX";
    char text[sizeof(folder) + 16];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(text, sizeof(text), "unix:%s/server", folder);
    struct address address = address_of(text);
    enum connect_state connected;
    assert_int_equal(socket_connect(&address, &connected), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(connected, CONNECT_PENDING);

    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server, &address.as.any, address.size), 0);
    assert_int_equal(listen(server, 1), 0);
    int fd = socket_connect(&address, &connected);
    assert_true(fd >= 0);
    assert_int_equal(connected, CONNECT_DONE);
    assert_flags(fd);
    socket_set_nodelay(fd); // has no meaning here, and does no harm
    fill_queue(&address, fds);
    assert_int_equal(socket_connect_again(fds[0], &address, &connected), RESULT_OK);
    assert_int_equal(connected, CONNECT_QUEUE_FULL);
    close(accept(server, NULL, NULL));
    assert_int_equal(socket_connect_again(fds[0], &address, &connected), RESULT_OK);
    assert_int_equal(connected, CONNECT_DONE);
    assert_int_equal(socket_error(fds[0]), 0);
    close_all(fds);
    close(fd);
    close(server);
    assert_int_equal(unlink(text + 5), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_nodelay(void **state) {
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    socket_set_nodelay(fd);
    assert_nodelay(fd);
    close(fd);
    assert_int_equal(socket_error(fd), EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_reads_back_as_it_was_written),
        cmocka_unit_test(test_equal_addresses_have_one_text),
        cmocka_unit_test(test_what_is_no_address_is_refused_with_the_reason),
        cmocka_unit_test(test_no_nul_hides_the_rest_of_an_address),
        cmocka_unit_test(test_a_unix_path_fits_with_its_nul),
        cmocka_unit_test(test_host_and_port_apart),
        cmocka_unit_test(test_equal_means_family_host_and_port),
        cmocka_unit_test(test_an_unnamed_unix_client_has_a_text),
        cmocka_unit_test(test_listen_and_connect),
        cmocka_unit_test(test_a_loopback_connection_is_done_at_once),
        cmocka_unit_test(test_a_refused_loopback_connection_keeps_its_error),
        cmocka_unit_test(test_within_the_machine_nothing_is_paced),
        cmocka_unit_test(test_what_the_kernel_holds_is_bounded),
        cmocka_unit_test(test_a_reset_listener_is_as_it_was),
        cmocka_unit_test(test_several_workers_listen_on_one_port),
        cmocka_unit_test(test_ipv6_leaves_ipv4_alone),
        cmocka_unit_test(test_a_unix_listener_is_refused),
        cmocka_unit_test(test_a_listener_that_cannot_be_says_why),
        cmocka_unit_test(test_a_closed_port_is_an_error_of_the_socket),
        cmocka_unit_test(test_connect_to_a_unix_server),
        cmocka_unit_test(test_nodelay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
