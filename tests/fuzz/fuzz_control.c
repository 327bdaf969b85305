// What others may send to the master: commands on the control socket, and messages of its children.
// Any bytes in any order reach the handler only as a whole known word, each client gets one answer,
// a message is whole or an error, and no descriptor that came along stays open.
//
// The first byte chooses: messages (each a number of descriptors, a size and that many bytes), or
// actions of control clients (an action, a number, and data where it needs some).
#include "check.h"
#include "process/control.h"
#include "process/control_path.h"
#include "process/ipc.h"

#include <ev.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { CLIENTS = CONTROL_CLIENTS_MAX + 4, STEPS_MAX = 100, FDS_SENT_MAX = IPC_FDS_MAX + 8 };

static const char *const words[] = {"reload", "reopen", "drain", "stop", "status", "prove"};

struct lab {
    char config[64];
    struct ev_loop *loop;
    struct control_server *server;
    int clients[CLIENTS]; // -1: not connected
    uint64_t last_id;     // of a client whose command came
    unsigned sent;        // datagrams that are a command
    unsigned taken;       // commands that came
};

static struct lab lab;

// Of the first two hundred, more than an input can leave open.
static int count_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 200; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

// --- messages ---

static void check_message(struct ipc_message *message) {
    CHECK(message->type >= IPC_LOAD && message->type < IPC_TYPE_END);
    CHECK(message->log_level <= LOG_LEVEL_DEBUG);
    CHECK(message->listener_count <= IPC_LISTENERS_MAX);
    CHECK(strnlen(message->text, sizeof(message->text)) < sizeof(message->text));
    for (size_t i = 0; i < message->listener_count; i++) {
        CHECK(fcntl(message->listeners[i], F_GETFD) == FD_CLOEXEC);
    }
    for (size_t i = 0; i < IPC_FD_COUNT; i++) {
        CHECK(message->fds[i] == -1 || fcntl(message->fds[i], F_GETFD) == FD_CLOEXEC);
    }
    ipc_close(message);
}

static void send_message(int to, const uint8_t *data, size_t size, size_t fd_count) {
    struct iovec part = {(void *)(uintptr_t)data, size};
    struct msghdr wire = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_SENT_MAX * sizeof(int))];
    } room;
    memset(&room, 0, sizeof(room));
    if (fd_count > 0) {
        wire.msg_control = room.bytes;
        wire.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&wire);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        int standard_error = 2;
        for (size_t i = 0; i < fd_count; i++) {
            memcpy(CMSG_DATA(rights) + i * sizeof(int), &standard_error, sizeof(int));
        }
    }
    (void)!sendmsg(to, &wire, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void receive_messages(const uint8_t *data, size_t size) {
    int pair[2];
    CHECK(ipc_pair(pair) == RESULT_OK);
    for (int step = 0; step < STEPS_MAX && size >= 3; step++) {
        static struct ipc_message message;
        size_t fd_count = data[0] % FDS_SENT_MAX;
        size_t length = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        length = length < size ? length : size;
        send_message(pair[1], data, length, fd_count);
        while (ipc_receive(pair[0], &message) == RESULT_OK) {
            check_message(&message);
        }
        data += length;
        size -= length;
    }
    (void)close(pair[0]);
    (void)close(pair[1]);
}

// --- control clients ---

static void on_command(void *context, uint64_t client, const struct order *order) {
    (void)context;
    CHECK(client != 0 && order->command < COMMAND_COUNT && commands[order->command].is_order);
    CHECK(order->argument_count == 0); // no order takes any
    lab.last_id = client;
    lab.taken++;
    CHECK(lab.taken <= lab.sent);
}

static void connect_client(unsigned number) {
    int *fd = &lab.clients[number % CLIENTS];
    struct control_path path;
    char error[CONFIG_ERROR_SIZE];
    if (*fd < 0) {
        CHECK(control_path_find(lab.config, &path, error) == RESULT_OK);
        *fd = control_connect(&path);
        (void)ev_run(lab.loop, EVRUN_NOWAIT); // the next one would wait where the queue is full
    }
}

static void close_client(unsigned number) {
    int *fd = &lab.clients[number % CLIENTS];
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void send_command(unsigned number, const void *data, size_t size) {
    int fd = lab.clients[number % CLIENTS];
    if (fd >= 0 && send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            lab.sent += size == strlen(words[i]) && memcmp(data, words[i], size) == 0;
        }
    }
}

// One answer, then the end.
static void read_answer(unsigned number) {
    static char answer[CONTROL_ANSWER_MAX + 1];
    int fd = lab.clients[number % CLIENTS];
    if (fd < 0) {
        return;
    }
    ssize_t size = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    if (size > 0) {
        CHECK(answer[0] >= '0' && answer[0] <= '2' && size <= (ssize_t)CONTROL_ANSWER_MAX);
        CHECK(recv(fd, answer, sizeof(answer), MSG_DONTWAIT) <= 0);
        close_client(number);
    }
}

static void answer_client(unsigned number, const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    // The last one, or one that never was.
    control_answer(lab.server, (number & 1) != 0 ? lab.last_id : number, (int)(number % 3), text);
    free(text);
}

static void act(const uint8_t **data, size_t *size) {
    unsigned action = (*data)[0] % 7, number = (*data)[1];
    *data += 2;
    *size -= 2;
    size_t length = *size < number ? *size : number;
    switch (action) {
    case 0:
        connect_client(number);
        return;
    case 1:
        close_client(number);
        return;
    case 2:
        send_command(number, words[number % 5], strlen(words[number % 5]));
        return;
    case 3:
        send_command(number, *data, length);
        break;
    case 4:
        answer_client(number, *data, length);
        break;
    case 5:
        read_answer(number);
        return;
    default:
        (void)ev_run(lab.loop, EVRUN_NOWAIT);
        return;
    }
    *data += length;
    *size -= length;
}

static void run_clients(const uint8_t *data, size_t size) {
    lab.sent = lab.taken = 0;
    for (int step = 0; step < STEPS_MAX && size >= 2; step++) {
        act(&data, &size);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        close_client(i);
    }
    for (int turn = 0; turn < 2 * CLIENTS;
         turn++) { // those that waited in the queue come in and are gone
        (void)ev_run(lab.loop, EVRUN_NOWAIT);
    }
}

static void clean_up(void) {
    control_close(lab.server);
    (void)unlink(lab.config);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    char error[CONFIG_ERROR_SIZE];
    static const struct control_handler handler = {.command = on_command};
    strcpy(lab.config, "/tmp/ravelin-fuzz-control-XXXXXX");
    int fd = mkostemp(lab.config, O_CLOEXEC);
    CHECK(fd >= 0 && close(fd) == 0);
    lab.loop = ev_default_loop(EVFLAG_AUTO);
    lab.server = control_open(lab.config, 0, error);
    CHECK(lab.loop != NULL && lab.server != NULL);
    control_start(lab.server, lab.loop, &handler);
    memset(lab.clients, -1, sizeof(lab.clients));
    (void)atexit(clean_up);
    (void)ev_run(lab.loop, EVRUN_NOWAIT);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    int before = count_descriptors();
    if ((data[0] & 1) != 0) {
        run_clients(data + 1, size - 1);
    } else {
        receive_messages(data + 1, size - 1);
    }
    CHECK(count_descriptors() == before);
    return 0;
}
