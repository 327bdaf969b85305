#include "process/auth_process.h"

#include "base/clock.h"
#include "base/secret.h"
#include "process/ipc.h"
#include "process/spawn.h"
#include "process/users.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct auth {
    int control;
    int data; // -1: none
    struct users *users;
    struct login_response response;
    bool response_waits; // for room in the data socket
    bool ends;           // the master has sent STOP
};

static void close_data(struct auth *auth) {
    if (auth->data >= 0) {
        (void)close(auth->data);
    }
    auth->data = -1;
    auth->response_waits = false;
}

// --- Control ---

static enum result load(struct auth *auth, struct ipc_message *message) {
    struct bundle bundle;
    struct ipc_message answer;
    ipc_init(&answer, IPC_READY, message->generation);
    bool opened = bundle_open(ipc_take(message, IPC_FD_BUNDLE), &bundle) == RESULT_OK;
    if (!opened || users_load(auth->users, message->generation, &bundle) != RESULT_OK) {
        answer.type = IPC_FAILED;
        (void)snprintf(answer.text, sizeof(answer.text), "cannot load the users");
    }
    if (opened) {
        bundle_close(&bundle);
    }
    return ipc_send(auth->control, &answer);
}

static enum result obey(struct auth *auth, struct ipc_message *message) {
    if (message->is_cut) { // it has only a few descriptors, so this is a serious fault
        return RESULT_ERROR;
    }
    switch (message->type) {
    case IPC_LOAD:
        return load(auth, message);
    case IPC_ABORT:
        users_drop(auth->users, message->generation);
        return RESULT_OK;
    case IPC_LOGINS:
        close_data(auth);
        auth->data = ipc_take(message, IPC_FD_DATA);
        return RESULT_OK;
    case IPC_PING:
        return ipc_send_type(auth->control, IPC_PONG, message->generation);
    case IPC_STOP:
        auth->ends = true;
        return RESULT_OK;
    default:
        return RESULT_ERROR;
    }
}

static enum result read_control(struct auth *auth) {
    struct ipc_message message;
    enum result result = ipc_receive(auth->control, &message);
    if (result == RESULT_OK) {
        result = obey(auth, &message);
        ipc_close(&message);
    }
    return result == RESULT_AGAIN ? RESULT_OK : result;
}

// --- Data ---

static void send_response(struct auth *auth) {
    ssize_t sent =
        send(auth->data, &auth->response, sizeof(auth->response), MSG_NOSIGNAL | MSG_DONTWAIT);
    auth->response_waits = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (sent < 0 && !auth->response_waits) {
        close_data(auth);
    }
}

static void serve_data(struct auth *auth) {
    struct login_request request;
    if (auth->response_waits) {
        send_response(auth);
        return;
    }
    // With MSG_TRUNC the true size is returned.
    ssize_t received = recv(auth->data, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) {
        close_data(auth); // the worker is gone; the master sends the socket of the next one
    } else if (received == (ssize_t)sizeof(request)) {
        users_judge(auth->users, &request, clock_monotonic_us() / 1000, &auth->response);
        send_response(auth);
    }
    secret_wipe(&request, sizeof(request));
}

static int serve(struct auth *auth) {
    while (!auth->ends) {
        struct pollfd ready[] = {
            {.fd = auth->control, .events = POLLIN},
            {.fd = auth->data, .events = auth->response_waits ? POLLOUT : POLLIN},
        };
        if (poll(ready, 2, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 1;
        }
        if (ready[0].revents != 0) {
            enum result result = read_control(auth);
            if (result != RESULT_OK) {
                return result == RESULT_EOF ? 0 : 1;
            }
        } else if (ready[1].revents != 0) {
            serve_data(auth);
        }
    }
    return 0;
}

// --- Life ---

static void free_auth(struct auth *auth) {
    close_data(auth);
    users_free(auth->users);
    free(auth);
}

void *auth_prepare(void *argument) {
    const struct auth_start *start = argument;
    struct auth *auth = calloc(1, sizeof(*auth));
    spawn_mute();
    if (auth == NULL) {
        return NULL;
    }
    *auth = (struct auth){.control = start->control, .data = -1};
    auth->users = users_new();
    if (auth->users == NULL) {
        free_auth(auth);
        return NULL;
    }
    return auth;
}

int auth_run(void *argument) {
    struct auth *auth = argument;
    int status = serve(auth);
    free_auth(auth);
    return status;
}
