#include "process/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3 };

// A port that is ours while the test holds it: bound, never listening.
struct port {
    int fd;
    struct address address;
};

static struct port hold_port(const char *host) {
    struct port port = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const char *why = NULL;
    const int on = 1;
    char text[64];
    (void)snprintf(text, sizeof(text), "%s:0", host);
    assert_int_equal(address_parse(slice_from(text), &port.address, &why), RESULT_OK);
    assert_int_equal(setsockopt(port.fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(port.fd, &port.address.as.any, port.address.size), 0);
    assert_int_equal(getsockname(port.fd, &port.address.as.any, &port.address.size), 0);
    return port;
}

static struct config make_config(struct config_listen *listens, size_t count) {
    return (struct config){
        .path = (char *)(uintptr_t) "test.conf", .listeners = listens, .listener_count = count};
}

static bool connects(const struct address *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, &address->as.any, address->size) == 0;
    (void)close(fd);
    return connected;
}

static bool has_connection(int fd) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return poll(&readable, 1, 0) == 1;
}

static enum result begin_if(enum result opened, struct listeners *listeners,
                            char error[CONFIG_ERROR_SIZE]) {
    return opened == RESULT_OK ? listeners_begin(listeners, error) : opened;
}

static enum result open_new(struct listeners *listeners, const struct config *config, size_t slots,
                            char error[CONFIG_ERROR_SIZE]) {
    const struct listeners_origin origin = {.kept = NULL};
    return begin_if(listeners_open(listeners, config, slots, &origin, error), listeners, error);
}

static enum result open_kept(struct listeners *listeners, const struct config *config,
                             const struct listeners *kept, char error[CONFIG_ERROR_SIZE]) {
    const struct listeners_origin origin = {.kept = kept};
    return begin_if(listeners_open(listeners, config, SLOTS, &origin, error), listeners, error);
}

static void test_one_socket_for_each_slot(void **state) {
    (void)state;
    struct port ports[] = {hold_port("127.0.0.1"), hold_port("127.0.0.1")};
    struct config_listen listens[] = {{.address = ports[0].address}, {.address = ports[1].address}};
    const struct config config = make_config(listens, 2);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&listeners, &config, SLOTS, error), RESULT_OK);
    for (size_t i = 0; i < 2; i++) {
        for (size_t slot = 0; slot < SLOTS; slot++) {
            struct address bound = {.size = sizeof(bound.as)};
            int fd = listeners_fd(&listeners, i, slot);
            assert_int_equal(getsockname(fd, &bound.as.any, &bound.size), 0);
            assert_true(address_equal(&bound, &ports[i].address));
            assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        }
        assert_true(connects(&ports[i].address));
    }
    listeners_close(&listeners);
    listeners_close(&listeners);
    for (size_t i = 0; i < 2; i++) {
        assert_false(connects(&ports[i].address));
        (void)close(ports[i].fd);
    }
}

// What waits in a queue is still there in the next generation, although the former is closed.
static void test_addresses_that_stay_keep_their_queues(void **state) {
    (void)state;
    struct port ports[] = {hold_port("127.0.0.1"), hold_port("127.0.0.1"), hold_port("127.0.0.1")};
    struct config_listen first[] = {{.address = ports[0].address}, {.address = ports[1].address}};
    struct config_listen second[] = {{.address = ports[2].address}, {.address = ports[1].address}};
    const struct config old_config = make_config(first, 2);
    const struct config new_config = make_config(second, 2);
    struct listeners old;
    struct listeners new;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&old, &old_config, SLOTS, error), RESULT_OK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, &ports[1].address.as.any, ports[1].address.size), 0);
    assert_int_equal(open_kept(&new, &new_config, &old, error), RESULT_OK);
    listeners_close(&old);
    assert_false(connects(&ports[0].address));
    assert_true(connects(&ports[2].address));
    unsigned waiting = 0;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        waiting += has_connection(listeners_fd(&new, 1, slot));
    }
    assert_int_equal(waiting, 1);
    assert_int_equal(send(client, "x", 1, MSG_NOSIGNAL), 1); // it was not reset
    (void)close(client);
    listeners_close(&new);
    for (size_t i = 0; i < 3; i++) {
        (void)close(ports[i].fd);
    }
}

static void assert_in_use(const struct address *wanted, const char *text) {
    struct config_listen listens[] = {{.address = *wanted, .line = 12}};
    const struct config config = make_config(listens, 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    char expected[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&listeners, &config, SLOTS, error), RESULT_ERROR);
    (void)snprintf(expected, sizeof(expected),
                   "test.conf:12: cannot listen on %s: Address already in use", text);
    assert_string_equal(error, expected);
}

static void test_an_address_on_which_somebody_listens(void **state) {
    (void)state;
    struct port port = hold_port("127.0.0.1");
    struct address wildcard = port.address;
    char text[ADDRESS_TEXT_SIZE];
    wildcard.as.v4.sin_addr.s_addr = htonl(INADDR_ANY);
    assert_int_equal(listen(port.fd, 1), 0); // with SO_REUSEPORT: bind() alone would succeed
    address_format(&port.address, text);
    assert_in_use(&port.address, text);
    address_format(&wildcard, text);
    assert_in_use(&wildcard, text);
    (void)close(port.fd);
    struct port all = hold_port("0.0.0.0");
    struct address one = all.address;
    one.as.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(listen(all.fd, 1), 0);
    address_format(&one, text);
    assert_in_use(&one, text);
    (void)close(all.fd);
}

static void test_ipv6(void **state) {
    (void)state;
    struct address address;
    const char *why = NULL;
    assert_int_equal(address_parse(slice_from("[::1]:0"), &address, &why), RESULT_OK);
    int other = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (other < 0 || bind(other, &address.as.any, address.size) != 0) {
        skip(); // a machine without IPv6
    }
    assert_int_equal(setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(getsockname(other, &address.as.any, &address.size), 0);
    assert_int_equal(listen(other, 1), 0);
    char text[ADDRESS_TEXT_SIZE];
    address_format(&address, text);
    assert_in_use(&address, text);
    (void)close(other);
    struct config_listen listens[] = {{.address = address}};
    const struct config config = make_config(listens, 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&listeners, &config, SLOTS, error), RESULT_OK);
    listeners_close(&listeners);
}

// An address next to one of ours, on the same port, is not somebody else's.
static void test_our_own_port_on_another_address(void **state) {
    (void)state;
    struct port port = hold_port("127.0.0.1");
    struct address neighbour = port.address;
    neighbour.as.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    struct config_listen first[] = {{.address = port.address}};
    struct config_listen second[] = {{.address = port.address}, {.address = neighbour}};
    const struct config old_config = make_config(first, 1);
    const struct config new_config = make_config(second, 2);
    struct listeners old;
    struct listeners new;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&old, &old_config, SLOTS, error), RESULT_OK);
    assert_int_equal(open_kept(&new, &new_config, &old, error), RESULT_OK);
    assert_true(connects(&neighbour));
    listeners_close(&old);
    listeners_close(&new);
    (void)close(port.fd);
}

// What a worker does to a socket that it shares with the master.
static void test_a_socket_that_was_shut_down_is_bound_again(void **state) {
    (void)state;
    struct port ports[] = {hold_port("127.0.0.1"), hold_port("127.0.0.1")};
    struct config_listen listens[] = {{.address = ports[0].address}, {.address = ports[1].address}};
    const struct config config = make_config(listens, 2);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    char address[ADDRESS_TEXT_SIZE];
    char expected[ADDRESS_TEXT_SIZE];
    size_t failed = 1;
    assert_int_equal(open_new(&listeners, &config, 1, error), RESULT_OK);
    assert_int_equal(listeners_renew(&listeners, 0, address, &failed), 0);
    assert_int_equal(failed, 0);
    assert_string_equal(address, "");
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    for (int round = 0; round < 2; round++) {
        int shared = fcntl(listeners_fd(&listeners, 1, 0), F_DUPFD_CLOEXEC, 0);
        if (round == 0) {
            assert_int_equal(shutdown(shared, SHUT_RDWR), 0);
        } else {
            assert_int_equal(connect(shared, &nowhere, sizeof(nowhere)), 0);
        }
        assert_false(connects(&ports[1].address));
        assert_int_equal(listeners_renew(&listeners, 0, address, &failed), 1);
        assert_int_equal(failed, 0);
        address_format(&ports[1].address, expected);
        assert_string_equal(address, expected);
        assert_true(connects(&ports[1].address));
        (void)close(shared);
    }
    assert_true(connects(&ports[0].address));
    listeners_close(&listeners);
    (void)close(ports[0].fd);
    (void)close(ports[1].fd);
}

static void test_a_socket_that_cannot_be_bound_is_tried_again(void **state) {
    (void)state;
    struct port port = hold_port("127.0.0.1");
    struct config_listen listens[] = {{.address = port.address}};
    const struct config config = make_config(listens, 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    char address[ADDRESS_TEXT_SIZE];
    size_t failed;
    assert_int_equal(open_new(&listeners, &config, 1, error), RESULT_OK);
    assert_int_equal(shutdown(listeners_fd(&listeners, 0, 0), SHUT_RDWR), 0);
    listens[0].address.as.v4.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1: of no machine
    assert_int_equal(listeners_renew(&listeners, 0, address, &failed), 0);
    assert_int_equal(failed, 1);
    assert_int_equal(errno, EADDRNOTAVAIL);
    listens[0].address = port.address;
    assert_int_equal(listeners_renew(&listeners, 0, address, &failed), 1);
    assert_int_equal(failed, 0);
    listeners_close(&listeners);
    (void)close(port.fd);
}

static void test_what_a_worker_attached_is_taken_off(void **state) {
    (void)state;
    struct port port = hold_port("127.0.0.1");
    struct config_listen listens[] = {{.address = port.address}};
    const struct config config = make_config(listens, 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&listeners, &config, SLOTS, error), RESULT_OK);
    // Every connection to the last socket of the address.
    struct sock_filter last = {.code = BPF_RET, .k = SLOTS - 1};
    const struct sock_fprog program = {1, &last};
    int fd = listeners_fd(&listeners, 0, 0);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)), 0);
    // Some kernels let only a process with CAP_NET_ADMIN attach this one.
    assert_true(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ||
                errno == EPERM);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    char before[16] = "";
    char after[16] = "";
    socklen_t size = sizeof(before);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, before, &size), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    listeners_reset(&listeners, 0);
    size = sizeof(after);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, after, &size), 0);
    assert_string_equal(after, before);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    const int on = 1;
    // There is no program any more.
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &on, sizeof(on)), -1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -1);
    for (int i = 0; i < 64; i++) {
        assert_true(connects(&port.address));
    }
    assert_true(has_connection(fd));
    listeners_close(&listeners);
    (void)close(port.fd);
}

// --- Handed sockets ---

// Sockets of a master with `slots` slots, as they are handed on.
static struct handed hand(const struct config *config, size_t slots) {
    struct handed handed = {.from_master = true};
    struct listeners former;
    char error[CONFIG_ERROR_SIZE];
    assert_int_equal(open_new(&former, config, slots, error), RESULT_OK);
    for (size_t i = 0; i < former.count * former.lanes; i++) {
        assert_true(handed_add(&handed, fcntl(former.fds[i], F_DUPFD_CLOEXEC, 0), ""));
    }
    listeners_close(&former);
    return handed;
}

static size_t count_waiting(const struct listeners *listeners, size_t slots) {
    size_t waiting = 0;
    for (size_t slot = 0; slot < slots; slot++) {
        int fds[LISTENERS_OF_SLOT_MAX];
        size_t count = listeners_of_slot(listeners, slot, fds);
        assert_int_equal(count % listeners->count, 0);
        for (size_t i = 0; i < count; i++) {
            int fd;
            while ((fd = accept4(fds[i], NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                (void)close(fd);
                waiting++;
            }
        }
    }
    return waiting;
}

// Whatever number of slots follows another: each connection that waits is found, and each address
// has a socket in each slot.
static void test_no_connection_is_lost_when_the_slots_change(void **state) {
    static const size_t numbers[][2] = {{3, 3}, {3, 1}, {3, 2}, {1, 3}, {2, 3}, {5, 2}};
    (void)state;
    for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
        struct port ports[] = {hold_port("127.0.0.1"), hold_port("127.0.0.1")};
        struct config_listen listens[] = {{.address = ports[0].address},
                                          {.address = ports[1].address}};
        const struct config config = make_config(listens, 2);
        struct handed handed = hand(&config, numbers[n][0]);
        struct listeners listeners;
        char error[CONFIG_ERROR_SIZE];
        for (int i = 0; i < 40; i++) {
            assert_true(connects(&ports[i % 2].address));
        }
        const struct listeners_origin origin = {.handed = &handed};
        assert_int_equal(listeners_open(&listeners, &config, numbers[n][1], &origin, error),
                         RESULT_OK);
        for (int i = 0; i < 40; i++) { // none of these comes to a socket that does not listen yet
            assert_true(connects(&ports[i % 2].address));
        }
        assert_int_equal(listeners_begin(&listeners, error), RESULT_OK);
        handed_free(&handed);
        assert_int_equal(count_waiting(&listeners, numbers[n][1]), 80);
        for (size_t slot = 0; slot < numbers[n][1]; slot++) {
            int fds[LISTENERS_OF_SLOT_MAX];
            size_t count = listeners_of_slot(&listeners, slot, fds);
            assert_true(count >= 2);
            for (size_t i = 0; i < count; i++) {
                assert_true(socket_is_listening(fds[i]));
            }
        }
        listeners_close(&listeners);
        (void)close(ports[0].fd);
        (void)close(ports[1].fd);
    }
}

// One that cannot be shared, as from a service manager: all slots accept from it, and when it is
// shut down it listens again.
static void test_slots_share_a_socket_that_is_no_ones_to_share(void **state) {
    (void)state;
    struct address address;
    const char *why = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(address_parse(SLICE("127.0.0.1:0"), &address, &why), RESULT_OK);
    struct port port = hold_port("127.0.0.1"); // a number that is free
    (void)close(port.fd);
    address = port.address;
    assert_int_equal(bind(fd, &address.as.any, address.size), 0);
    assert_int_equal(listen(fd, 5), 0);
    struct handed handed = {.count = 0};
    assert_true(handed_add(&handed, fd, "web"));
    assert_false(handed.sockets[0].is_shareable);
    struct config_listen listens[] = {{.address = address}};
    const struct config config = make_config(listens, 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    const struct listeners_origin origin = {.handed = &handed};
    assert_int_equal(listeners_open(&listeners, &config, SLOTS, &origin, error), RESULT_OK);
    assert_int_equal(listeners_begin(&listeners, error), RESULT_OK);
    assert_true(handed.sockets[0].is_used);
    handed_free(&handed);
    for (int round = 0; round < 2; round++) {
        assert_true(connects(&address));
        for (size_t slot = 0; slot < SLOTS; slot++) {
            assert_true(has_connection(listeners_fd(&listeners, 0, slot)));
        }
        assert_int_equal(count_waiting(&listeners, SLOTS), 1);
        char text[ADDRESS_TEXT_SIZE];
        size_t failed;
        (void)shutdown(listeners_fd(&listeners, 0, 1), SHUT_RD);
        assert_int_equal(listeners_renew(&listeners, 1, text, &failed), 1);
        assert_int_equal(failed, 0);
    }
    listeners_close(&listeners);
}

static void test_more_sockets_than_workers_can_serve_are_refused(void **state) {
    (void)state;
    struct port port = hold_port("127.0.0.1");
    struct config_listen listens[] = {{.address = port.address}};
    const struct config config = make_config(listens, 1);
    struct handed handed = hand(&config, LISTENERS_OF_SLOT_MAX + 1);
    struct listeners listeners;
    char error[CONFIG_ERROR_SIZE];
    const struct listeners_origin origin = {.handed = &handed};
    assert_int_equal(listeners_open(&listeners, &config, 1, &origin, error), RESULT_ERROR);
    assert_non_null(strstr(error, "1 workers cannot serve all sockets that were handed over"));
    assert_int_equal(listeners_open(&listeners, &config, 2, &origin, error), RESULT_OK);
    listeners_close(&listeners);
    handed_free(&handed);
    (void)close(port.fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_socket_for_each_slot),
        cmocka_unit_test(test_addresses_that_stay_keep_their_queues),
        cmocka_unit_test(test_an_address_on_which_somebody_listens),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_our_own_port_on_another_address),
        cmocka_unit_test(test_a_socket_that_was_shut_down_is_bound_again),
        cmocka_unit_test(test_a_socket_that_cannot_be_bound_is_tried_again),
        cmocka_unit_test(test_what_a_worker_attached_is_taken_off),
        cmocka_unit_test(test_no_connection_is_lost_when_the_slots_change),
        cmocka_unit_test(test_slots_share_a_socket_that_is_no_ones_to_share),
        cmocka_unit_test(test_more_sockets_than_workers_can_serve_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
