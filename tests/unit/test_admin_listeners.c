// The sockets of `admin`.
#include "process/admin_listeners.h"

#include "folder.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

static struct config_listen at(const char *text) {
    struct config_listen listen = {.line = 3};
    const char *why = NULL;
    assert_int_equal(address_parse(slice_from(text), &listen.address, &why), RESULT_OK);
    return listen;
}

static bool connects(const struct address *address) {
    int fd = socket(address->as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, &address->as.any, address->size) == 0;
    (void)close(fd);
    return connected;
}

static struct config_listen at_path(const char *path) {
    char text[ADDRESS_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "unix:%s", path);
    return at(text);
}

static enum result open_admin(struct admin_listeners *admins, struct config *config,
                              struct config_listen *items, size_t count,
                              const struct admin_listeners *kept) {
    char error[CONFIG_ERROR_SIZE];
    *config = (struct config){
        .path = (char *)(uintptr_t) "test.conf", .admins = items, .admin_count = count};
    struct handed none = {.count = 0};
    return admin_listeners_open(admins, config, kept, &none, error);
}

static void test_a_unix_socket_is_for_owner_and_group(void **state) {
    const struct folder *folder = *state;
    struct config config;
    struct admin_listeners admins;
    struct stat status;
    const char *path = in_folder(folder, "a");
    struct config_listen item = at_path(path);
    assert_int_equal(open_admin(&admins, &config, &item, 1, NULL), RESULT_OK);
    assert_true(connects(&item.address));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0660);
    admin_listeners_close(&admins, NULL);
    admin_listeners_close(&admins, NULL);
    assert_int_equal(stat(path, &status), -1);
}

static void test_a_unix_socket_stays_over_a_reload(void **state) {
    const struct folder *folder = *state;
    struct config configs[2];
    struct admin_listeners old;
    struct admin_listeners new;
    const char *const paths[] = {in_folder(folder, "a"), in_folder(folder, "b")};
    struct config_listen before[] = {at_path(paths[0])};
    struct config_listen after[] = {at_path(paths[1]), at_path(paths[0])};
    assert_int_equal(open_admin(&old, &configs[0], before, 1, NULL), RESULT_OK);
    assert_int_equal(open_admin(&new, &configs[1], after, 2, &old), RESULT_OK);
    admin_listeners_close(&old, &new);
    assert_true(connects(&before[0].address));
    assert_true(connects(&after[0].address));
    admin_listeners_close(&new, NULL);
    assert_int_equal(access(paths[0], F_OK), -1);
    assert_int_equal(access(paths[1], F_OK), -1);
}

// The file of a process that was killed is replaced, the socket of one that lives is not.
static void test_a_unix_socket_of_another(void **state) {
    const struct folder *folder = *state;
    struct config configs[2];
    struct admin_listeners first;
    struct admin_listeners second;
    const char *path = in_folder(folder, "a");
    struct config_listen item = at_path(path);
    assert_int_equal(open_admin(&first, &configs[0], &item, 1, NULL), RESULT_OK);
    assert_int_equal(open_admin(&second, &configs[1], &item, 1, NULL), RESULT_ERROR);
    assert_int_equal(errno, EADDRINUSE);
    assert_true(connects(&item.address));
    admin_listeners_close(&first, &first); // the file stays, as after SIGKILL
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(open_admin(&second, &configs[1], &item, 1, NULL), RESULT_OK);
    assert_true(connects(&item.address));
    admin_listeners_close(&second, NULL);
}

static void test_a_file_is_not_replaced_by_a_socket(void **state) {
    const struct folder *folder = *state;
    struct config config;
    struct admin_listeners admins;
    const char *path = in_folder(folder, "a");
    write_file(folder, "a", "x", 1);
    struct config_listen item = at_path(path);
    assert_int_equal(open_admin(&admins, &config, &item, 1, NULL), RESULT_ERROR);
    assert_int_equal(access(path, F_OK), 0);
}

// What fails leaves the file of an address before it behind no more than its socket.
static void test_all_or_none(void **state) {
    const struct folder *folder = *state;
    struct config config;
    struct admin_listeners admins;
    write_file(folder, "b", "x", 1);
    struct config_listen items[] = {at_path(in_folder(folder, "a")),
                                    at_path(in_folder(folder, "b"))};
    assert_int_equal(open_admin(&admins, &config, items, 2, NULL), RESULT_ERROR);
    assert_int_equal(admins.count, 0);
    assert_int_equal(access(in_folder(folder, "a"), F_OK), -1);
}

static struct config_listen at_free_port(void) {
    struct config_listen item = at("127.0.0.1:0");
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, &item.address.as.any, item.address.size), 0);
    assert_int_equal(getsockname(fd, &item.address.as.any, &item.address.size), 0);
    (void)close(fd);
    return item;
}

static void test_a_port_is_not_shared(void **state) {
    (void)state;
    struct config configs[2];
    struct admin_listeners first;
    struct admin_listeners second;
    struct config_listen item = at_free_port();
    assert_int_equal(open_admin(&first, &configs[0], &item, 1, NULL), RESULT_OK);
    assert_true(connects(&item.address));
    assert_int_equal(open_admin(&second, &configs[1], &item, 1, NULL), RESULT_ERROR);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(open_admin(&second, &configs[1], &item, 1, &first), RESULT_OK);
    admin_listeners_close(&first, &second);
    assert_true(connects(&item.address));
    admin_listeners_close(&second, NULL);
    assert_false(connects(&item.address));
}

static void test_what_was_shut_down_is_bound_again(void **state) {
    const struct folder *folder = *state;
    struct config config;
    struct admin_listeners admins;
    char address[ADDRESS_TEXT_SIZE];
    size_t failed;
    struct config_listen items[] = {at_path(in_folder(folder, "a")), at_free_port()};
    assert_int_equal(open_admin(&admins, &config, items, 2, NULL), RESULT_OK);
    assert_int_equal(admin_listeners_renew(&admins, address, &failed), 0);
    for (size_t i = 0; i < 2; i++) {
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(shutdown(admins.fds[i], SHUT_RDWR), 0);
        assert_int_equal(admin_listeners_renew(&admins, address, &failed), 1);
        assert_int_equal(failed, 0);
        address_format(&items[i].address, text);
        assert_string_equal(address, text);
        assert_true(connects(&items[i].address));
    }
    admin_listeners_close(&admins, NULL);
}

static int make_folder(void **state) {
    static struct folder folder;
    folder_make(&folder);
    *state = &folder;
    return 0;
}

static int remove_folder(void **state) {
    folder_free(*state);
    return 0;
}

#define WITH_FOLDER(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_a_unix_socket_is_for_owner_and_group),
        WITH_FOLDER(test_a_unix_socket_stays_over_a_reload),
        WITH_FOLDER(test_a_unix_socket_of_another),
        WITH_FOLDER(test_a_file_is_not_replaced_by_a_socket),
        WITH_FOLDER(test_all_or_none),
        cmocka_unit_test(test_a_port_is_not_shared),
        WITH_FOLDER(test_what_was_shut_down_is_bound_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
