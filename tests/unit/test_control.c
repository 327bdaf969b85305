#include "process/control.h"
#include "process/control_path.h"
#include "process/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ev.h>
#include <cmocka.h>

// A config file of the test's own, which gives the socket its name.
struct fixture {
    pid_t refused; // by the master, set before it starts
    char folder[64];
    char config[96];
    struct control_path path;
    char error[CONFIG_ERROR_SIZE];
    pid_t master; // 0: none
    bool dies;    // the master ends when it is asked for a reload
};

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    *state = &fixture;
    (void)snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/ravelin-control-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.config, sizeof(fixture.config), "%s/r.conf", fixture.folder);
    assert_int_equal(close(open(fixture.config, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    assert_int_equal(control_path_find(fixture.config, &fixture.path, fixture.error), RESULT_OK);
    return 0;
}

static void end_master(struct fixture *fixture, int number) {
    if (fixture->master > 0) {
        (void)kill(fixture->master, number);
        (void)waitpid(fixture->master, NULL, 0);
        fixture->master = 0;
    }
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    end_master(fixture, SIGKILL);
    (void)unlink(fixture->path.address.sun_path);
    (void)unlink(fixture->config);
    (void)rmdir(fixture->folder);
    return 0;
}

// --- A master in a process of its own ---

struct fake_master {
    pid_t refused; // 0: none
    struct control_server *server;
    uint64_t waiting; // who asked for a reload and is answered with the next command
    bool dies;
};

static void on_command(void *context, uint64_t client, const struct order *order) {
    struct fake_master *master = context;
    static char large[CONTROL_ANSWER_MAX + 100];
    if (master->waiting != 0) {
        control_answer(master->server, master->waiting, 2, "FILE:1: wrong\nFILE:2: wrong, too\n");
        master->waiting = 0;
    }
    switch (order->command) {
    case COMMAND_RELOAD:
        if (master->dies) {
            _exit(1);
        }
        master->waiting = client;
        break;
    case COMMAND_DRAIN:
        control_answer(master->server, client, 0, "draining");
        break;
    case COMMAND_STOP:
        control_answer(master->server, client, 1, "no");
        control_answer(master->server, client, 0, "a second answer");
        control_answer(master->server, 1000000, 0, "an answer to nobody");
        break;
    case COMMAND_PROVE: {
        const int fds[] = {open("/dev/null", O_RDONLY | O_CLOEXEC),
                           open("/dev/zero", O_RDONLY | O_CLOEXEC)};
        control_answer_with(master->server, client, 0, "null and zero", fds, 2);
        (void)close(fds[0]);
        (void)close(fds[1]);
        break;
    }
    case COMMAND_STATUS:
        memset(large, 'x', sizeof(large) - 1);
        control_answer(master->server, client, 0, large);
        break;
    default:
        break;
    }
}

// By a byte in the pipe that a test reads.
static int failure_fd = -1;

static void on_failure(void *context, int error) {
    (void)context;
    (void)!write(failure_fd, error == EMFILE ? "f" : "?", 1);
}

static bool refuses(void *context, pid_t pid) {
    const struct fake_master *master = context;
    return pid == master->refused;
}

static void start_master(struct fixture *fixture) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    fixture->master = fork();
    assert_true(fixture->master >= 0);
    if (fixture->master == 0) {
        struct fake_master master = {.server = control_open(fixture->config, 0, fixture->error),
                                     .dies = fixture->dies,
                                     .refused = fixture->refused};
        const struct control_handler handler = {
            .command = on_command, .failed = on_failure, .refuses = refuses, .context = &master};
        struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
        if (master.server == NULL || loop == NULL) {
            _exit(1);
        }
        control_start(master.server, loop, &handler);
        (void)!write(ready[1], "r", 1);
        ev_run(loop, 0);
        _exit(0);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

// The answer as it is on the wire, NUL-terminated; "" when the connection ends without one.
static const char *ask_raw(const struct fixture *fixture, const void *request, size_t size) {
    static char answer[CONTROL_ANSWER_MAX + 2];
    int fd = control_connect(&fixture->path);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, size, MSG_NOSIGNAL), size);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 60000), 1);
    ssize_t received = recv(fd, answer, sizeof(answer) - 1, 0);
    assert_true(received >= 0);
    answer[received] = '\0';
    (void)close(fd);
    return answer;
}

// Runs control_request() with its streams in files; returns the exit code.
static int request(const struct fixture *fixture, const char *command, char output[256],
                   char errors[256]) {
    char paths[2][96];
    char *texts[2] = {output, errors};
    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/stream%d", fixture->folder, i);
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen(paths[0], "w", stdout) == NULL || freopen(paths[1], "w", stderr) == NULL) {
            _exit(99);
        }
        int code = control_request(fixture->config, &command, 1);
        (void)fflush(NULL);
        _exit(code);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 2; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        ssize_t size = read(fd, texts[i], 255);
        assert_true(size >= 0);
        texts[i][size] = '\0';
        (void)close(fd);
        (void)unlink(paths[i]);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// --- Tests ---

static void test_the_name_comes_from_the_real_path(void **state) {
    struct fixture *fixture = *state;
    struct control_path other;
    char name[128];
    (void)snprintf(name, sizeof(name), "%s/../%s/./r.conf", fixture->folder,
                   strrchr(fixture->folder, '/') + 1);
    assert_int_equal(control_path_find(name, &other, fixture->error), RESULT_OK);
    assert_string_equal(other.address.sun_path, fixture->path.address.sun_path);
    (void)snprintf(name, sizeof(name), "%s/link", fixture->folder);
    assert_int_equal(symlink(fixture->config, name), 0);
    assert_int_equal(control_path_find(name, &other, fixture->error), RESULT_OK);
    assert_string_equal(other.address.sun_path, fixture->path.address.sun_path);
    assert_false(control_path_is_real(&other));
    (void)unlink(name);
    struct sockaddr_un given = other.given;
    assert_int_equal(control_path_find(name, &other, fixture->error), RESULT_EOF); // it is gone
    assert_string_equal(other.given.sun_path, given.sun_path);
    assert_string_equal(other.address.sun_path, given.sun_path);
    (void)snprintf(name, sizeof(name), "%s//.//r.conf", fixture->folder);
    assert_int_equal(control_path_find(name, &other, fixture->error), RESULT_OK);
    assert_string_equal(other.given.sun_path, fixture->path.given.sun_path);
    assert_int_equal(control_path_find(fixture->folder, &other, fixture->error), RESULT_OK);
    assert_string_not_equal(other.address.sun_path, fixture->path.address.sun_path);
    (void)snprintf(name, sizeof(name), "%s/missing.conf", fixture->folder);
    assert_int_equal(control_path_find(name, &other, fixture->error), RESULT_EOF);
    assert_non_null(strstr(fixture->error, "missing.conf: No such file"));
}

static void test_the_socket_is_for_its_owner(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    struct control_server *server = control_open(fixture->config, 0, fixture->error);
    assert_non_null(server);
    assert_int_equal(stat(fixture->path.folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(stat(fixture->path.address.sun_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    control_close(server);
    assert_int_equal(stat(fixture->path.address.sun_path, &status), -1);
    control_close(NULL);
}

static void test_a_second_master_is_refused(void **state) {
    struct fixture *fixture = *state;
    char expected[32];
    start_master(fixture);
    assert_null(control_open(fixture->config, 0, fixture->error));
    (void)snprintf(expected, sizeof(expected), "(pid %ld)", (long)fixture->master);
    assert_non_null(strstr(fixture->error, expected));
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining"); // the first goes on
}

// Beside the one that it replaces, a master has another name until it takes over.
static void test_a_master_that_takes_over(void **state) {
    struct fixture *fixture = *state;
    struct stat former;
    struct stat next;
    start_master(fixture);
    assert_null(control_open(fixture->config, getpid(), fixture->error)); // that is not the one
    struct control_server *server = control_open(fixture->config, fixture->master, fixture->error);
    assert_non_null(server);
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining"); // the former one answers
    assert_int_equal(stat(fixture->path.address.sun_path, &former), 0);
    control_take_over(server);
    assert_int_equal(stat(fixture->path.address.sun_path, &next), 0);
    assert_int_not_equal(former.st_ino, next.st_ino);
    assert_int_equal(next.st_mode & 07777, 0600);
    control_close(server);
    assert_int_equal(stat(fixture->path.address.sun_path, &next), -1);
}

// The name is another master's by then.
static void test_the_name_of_another_master_stays(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    struct control_server *former = control_open(fixture->config, 0, fixture->error);
    struct control_server *next = control_open(fixture->config, getpid(), fixture->error);
    assert_non_null(former);
    assert_non_null(next);
    control_take_over(next);
    control_close(former);
    assert_int_equal(stat(fixture->path.address.sun_path, &status), 0);
    control_close(next);
    assert_int_equal(stat(fixture->path.address.sun_path, &status), -1);
}

// It leaves no name of its own.
static void test_a_master_that_fails_to_take_over(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    start_master(fixture);
    control_close(control_open(fixture->config, fixture->master, fixture->error));
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
    char name[sizeof(fixture->path.address.sun_path) + 8];
    const char *socket = fixture->path.address.sun_path;
    (void)snprintf(name, sizeof(name), "%.*s.next", (int)(strlen(socket) - strlen(".sock")),
                   socket);
    assert_int_equal(stat(name, &status), -1);
}

static void test_what_a_dead_master_left_is_replaced(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    start_master(fixture);
    end_master(fixture, SIGKILL);
    assert_int_equal(stat(fixture->path.address.sun_path, &status), 0);
    assert_int_equal(control_connect(&fixture->path), -1);
    assert_int_equal(errno, ECONNREFUSED);
    start_master(fixture);
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
}

static void test_requests_and_answers(void **state) {
    struct fixture *fixture = *state;
    start_master(fixture);
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
    assert_string_equal(ask_raw(fixture, "stop", 4), "1no");
    assert_int_equal(strlen(ask_raw(fixture, "status", 6)), CONTROL_ANSWER_MAX);
    static const char *const nonsense[] = {"dra", "drain ", "DRAIN", "a word that is far too long"};
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        assert_string_equal(ask_raw(fixture, nonsense[i], strlen(nonsense[i])), "2unknown command");
    }
    assert_string_equal(ask_raw(fixture, "", 0), "");
}

static void test_an_answer_may_come_later(void **state) {
    struct fixture *fixture = *state;
    char answer[64] = "";
    start_master(fixture);
    int waits = control_connect(&fixture->path);
    int left = control_connect(&fixture->path);
    assert_true(waits >= 0 && left >= 0);
    assert_int_equal(send(waits, "reload", 6, MSG_NOSIGNAL), 6);
    struct pollfd readable = {.fd = waits, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 50), 0);
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
    assert_int_equal(poll(&readable, 1, 60000), 1);
    assert_true(recv(waits, answer, sizeof(answer) - 1, 0) > 0);
    assert_string_equal(answer, "2FILE:1: wrong\nFILE:2: wrong, too\n");
    assert_int_equal(recv(waits, answer, sizeof(answer), 0), 0);
    // Who does not wait for the answer does no harm.
    assert_int_equal(send(left, "reload", 6, MSG_NOSIGNAL), 6);
    (void)close(left);
    (void)close(waits);
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
}

// A worker of the same user, say.
static void test_a_process_that_may_give_no_commands(void **state) {
    struct fixture *fixture = *state;
    char byte;
    fixture->refused = getpid();
    start_master(fixture);
    int fd = control_connect(&fixture->path);
    assert_true(fd >= 0);
    (void)send(fd, "reload", 6, MSG_NOSIGNAL);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    (void)close(fd);
    pid_t other = fork();
    if (other == 0) {
        fd = control_connect(&fixture->path);
        (void)!send(fd, "drain", 5, MSG_NOSIGNAL);
        _exit(recv(fd, &byte, 1, 0) == 1 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
}

static void test_more_clients_than_are_served_at_once(void **state) {
    struct fixture *fixture = *state;
    int silent[CONTROL_CLIENTS_MAX + 4];
    start_master(fixture);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        silent[i] = control_connect(&fixture->path);
        assert_true(silent[i] >= 0);
    }
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        (void)close(silent[i]);
    }
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
}

// One that says nothing is dropped, so that the others get its place.
static void test_a_client_that_asks_nothing_is_dropped(void **state) {
    struct fixture *fixture = *state;
    int silent[CONTROL_CLIENTS_MAX];
    char byte;
    start_master(fixture);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        silent[i] = control_connect(&fixture->path);
        assert_true(silent[i] >= 0);
    }
    assert_string_equal(ask_raw(fixture, "drain", 5), "0draining");
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct pollfd readable = {.fd = silent[i], .events = POLLIN};
        assert_int_equal(poll(&readable, 1, 60000), 1);
        assert_int_equal(recv(silent[i], &byte, 1, 0), 0);
        (void)close(silent[i]);
    }
}

static double cpu_seconds(pid_t pid) {
    return process_state_read(pid).cpu_s;
}

static void test_a_master_without_descriptors_waits_for_one(void **state) {
    struct fixture *fixture = *state;
    int failures[2];
    char bytes[16];
    struct rlimit usual;
    assert_int_equal(pipe2(failures, O_NONBLOCK), 0);
    failure_fd = failures[1];
    start_master(fixture);
    assert_int_equal(prlimit(fixture->master, RLIMIT_NOFILE, NULL, &usual), 0);
    const struct rlimit none = {0, usual.rlim_max};
    assert_int_equal(prlimit(fixture->master, RLIMIT_NOFILE, &none, NULL), 0);
    double before = cpu_seconds(fixture->master);
    int client = control_connect(&fixture->path);
    assert_int_equal(send(client, "drain", 5, MSG_NOSIGNAL), 5);
    struct pollfd readable = {.fd = client, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 3500), 0);
    assert_true(cpu_seconds(fixture->master) - before < 0.5);
    assert_int_equal(read(failures[0], bytes, sizeof(bytes)), 1); // said once
    assert_int_equal(bytes[0], 'f');
    assert_int_equal(prlimit(fixture->master, RLIMIT_NOFILE, &usual, NULL), 0);
    assert_int_equal(poll(&readable, 1, 60000), 1);
    assert_int_equal(recv(client, bytes, sizeof(bytes), 0), 9);
    assert_memory_equal(bytes, "0draining", 9);
    (void)close(client);
    (void)close(failures[0]);
    (void)close(failures[1]);
    failure_fd = -1;
}

// A stopped master whose queue is full: neither a command nor a second start waits for ever.
static void test_a_master_that_stands_still_is_not_waited_for(void **state) {
    struct fixture *fixture = *state;
    char output[256];
    char errors[256];
    int waiting[4 * CONTROL_CLIENTS_MAX];
    size_t count = 0;
    start_master(fixture);
    assert_int_equal(kill(fixture->master, SIGSTOP), 0);
    do {
        assert_true(count < sizeof(waiting) / sizeof(waiting[0]));
        waiting[count] = control_connect(&fixture->path);
    } while (waiting[count++] >= 0);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(request(fixture, "status", output, errors), 1);
    assert_non_null(strstr(errors, "the master does not accept commands"));
    assert_null(control_open(fixture->config, 0, fixture->error));
    assert_non_null(strstr(fixture->error, "already runs with this file and does not answer"));
    while (count-- > 1) {
        (void)close(waiting[count - 1]);
    }
    assert_int_equal(kill(fixture->master, SIGCONT), 0);
}

static void test_the_client_prints_and_returns_what_it_is_told(void **state) {
    struct fixture *fixture = *state;
    char output[256];
    char errors[256];
    assert_int_equal(request(fixture, "drain", output, errors), 1);
    assert_non_null(strstr(errors, "r.conf: no ravelin runs with this file"));
    start_master(fixture);
    assert_int_equal(request(fixture, "drain", output, errors), 0);
    assert_string_equal(output, "draining\n");
    assert_string_equal(errors, "");
    assert_int_equal(request(fixture, "stop", output, errors), 1);
    assert_string_equal(output, "");
    assert_string_equal(errors, "no\n");
    end_master(fixture, SIGKILL);
    assert_int_equal(request(fixture, "drain", output, errors), 1);
    assert_non_null(strstr(errors, "no ravelin runs"));
}

static void test_the_client_when_the_master_ends_instead(void **state) {
    struct fixture *fixture = *state;
    char output[256];
    char errors[256];
    fixture->dies = true;
    start_master(fixture);
    assert_int_equal(request(fixture, "reload", output, errors), 1);
    assert_non_null(strstr(errors, "the master ended without an answer"));
}

static void test_descriptors_may_come_with_an_answer(void **state) {
    struct fixture *fixture = *state;
    struct control_reply reply;
    char byte = 'x';
    assert_int_equal(control_ask(fixture->config, SLICE("prove"), &reply, fixture->error),
                     RESULT_EOF);
    assert_non_null(strstr(fixture->error, "no ravelin runs with this file"));
    start_master(fixture);
    assert_int_equal(control_ask(fixture->config, SLICE("prove"), &reply, fixture->error),
                     RESULT_OK);
    assert_int_equal(reply.exit_code, 0);
    assert_int_equal(reply.size, strlen("null and zero"));
    assert_string_equal(reply.text, "null and zero");
    assert_int_equal(reply.fd_count, 2);
    assert_int_equal(read(reply.fds[0], &byte, 1), 0);
    assert_int_equal(read(reply.fds[1], &byte, 1), 1);
    assert_int_equal(byte, 0);
    assert_true((fcntl(reply.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    int fds[] = {reply.fds[0], reply.fds[1]};
    control_reply_free(&reply);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    assert_int_equal(fcntl(fds[1], F_GETFD), -1);
    // An answer without any is as before, and one that is a refusal is an answer.
    assert_int_equal(control_ask(fixture->config, SLICE("drain"), &reply, fixture->error),
                     RESULT_OK);
    assert_int_equal(reply.fd_count, 0);
    control_reply_free(&reply);
    assert_int_equal(control_ask(fixture->config, SLICE("unheard of"), &reply, fixture->error),
                     RESULT_OK);
    assert_int_equal(reply.exit_code, 2);
    control_reply_free(&reply);
    assert_int_equal(control_ask("/nowhere/r.conf", SLICE("drain"), &reply, fixture->error),
                     RESULT_ERROR);
    assert_non_null(strstr(fixture->error, "/nowhere/r.conf"));
}

static void test_a_link_is_a_second_name(void **state) {
    struct fixture *fixture = *state;
    struct control_path path;
    char link[128];
    (void)snprintf(link, sizeof(link), "%s/link", fixture->folder);
    assert_int_equal(symlink("r.conf", link), 0);
    assert_int_equal(control_path_find(link, &path, fixture->error), RESULT_OK);
    struct control_server *server = control_open(link, 0, fixture->error);
    assert_non_null(server);
    assert_int_equal(unlink(link), 0);
    assert_null(control_open(fixture->config, 0, fixture->error)); // the real name
    assert_non_null(strstr(fixture->error, "already runs with this file"));
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_null(control_open(link, 0, fixture->error)); // the name as given
    assert_int_equal(access(path.given.sun_path, F_OK), 0);
    control_close(server);
    struct stat status;
    assert_int_equal(lstat(path.given.sun_path, &status), -1);
    assert_int_equal(lstat(path.address.sun_path, &status), -1);
    (void)unlink(link);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_name_comes_from_the_real_path),
        TEST(test_a_link_is_a_second_name),
        TEST(test_the_socket_is_for_its_owner),
        TEST(test_a_second_master_is_refused),
        TEST(test_a_master_that_takes_over),
        TEST(test_the_name_of_another_master_stays),
        TEST(test_a_master_that_fails_to_take_over),
        TEST(test_what_a_dead_master_left_is_replaced),
        TEST(test_requests_and_answers),
        TEST(test_an_answer_may_come_later),
        TEST(test_a_process_that_may_give_no_commands),
        TEST(test_more_clients_than_are_served_at_once),
        TEST(test_a_client_that_asks_nothing_is_dropped),
        TEST(test_a_master_without_descriptors_waits_for_one),
        TEST(test_a_master_that_stands_still_is_not_waited_for),
        TEST(test_the_client_prints_and_returns_what_it_is_told),
        TEST(test_the_client_when_the_master_ends_instead),
        TEST(test_descriptors_may_come_with_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
