#include "process/signer_process.h"

#include "base/secret.h"
#include "process/ipc.h"
#include "process/sandbox.h"
#include "process/signer.h"
#include "process/spawn.h"
#include "tls/context.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct signer {
    int control;
    int data; // -1: none
    struct signer_keys *keys;
    struct sign_response response;
    bool response_waits; // for room in the data socket
};

static void close_data(struct signer *signer) {
    if (signer->data >= 0) {
        (void)close(signer->data);
    }
    signer->data = -1;
    signer->response_waits = false;
}

static enum result load(struct signer *signer, struct ipc_message *message) {
    struct bundle bundle;
    struct ipc_message answer;
    ipc_init(&answer, IPC_READY, message->generation);
    if (bundle_open(ipc_take(message, IPC_FD_BUNDLE), &bundle) != RESULT_OK) {
        answer.type = IPC_FAILED;
        (void)snprintf(answer.text, sizeof(answer.text), "a signer cannot open the keys");
    } else {
        if (signer_keys_load(signer->keys, message->generation, &bundle) != RESULT_OK) {
            answer.type = IPC_FAILED;
            (void)snprintf(answer.text, sizeof(answer.text), "a signer cannot load the keys");
        }
        bundle_close(&bundle);
    }
    return ipc_send(signer->control, &answer);
}

static enum result obey(struct signer *signer, struct ipc_message *message) {
    switch (message->type) {
    case IPC_LOAD:
        return load(signer, message);
    case IPC_ABORT:
        signer_keys_drop(signer->keys, message->generation);
        return RESULT_OK;
    case IPC_DATA:
        close_data(signer);
        signer->data = ipc_take(message, IPC_FD_DATA);
        return RESULT_OK;
    default:
        return RESULT_ERROR;
    }
}

static enum result read_control(struct signer *signer) {
    struct ipc_message message;
    enum result result = ipc_receive(signer->control, &message);
    if (result == RESULT_OK) {
        result = obey(signer, &message);
        ipc_close(&message);
    }
    return result == RESULT_AGAIN ? RESULT_OK : result;
}

static void send_response(struct signer *signer) {
    ssize_t sent = send(signer->data, &signer->response, sizeof(signer->response),
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        signer->response_waits = false;
    } else if (errno == EAGAIN || errno == EINTR) {
        signer->response_waits = true;
    } else {
        close_data(signer);
    }
}

static void serve_data(struct signer *signer) {
    struct sign_request request;
    if (signer->response_waits) {
        send_response(signer);
        return;
    }
    // With MSG_TRUNC the true size is returned.
    ssize_t size = recv(signer->data, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
    if (size == (ssize_t)sizeof(request)) {
        signer_sign(signer->keys, &request, &signer->response);
        secret_wipe(&request, sizeof(request));
        send_response(signer);
    } else if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        close_data(signer); // the worker is gone; the master sends the socket of the next
    }
}

static int serve(struct signer *signer) {
    for (;;) {
        struct pollfd ready[] = {
            {.fd = signer->control, .events = POLLIN},
            {.fd = signer->data, .events = signer->response_waits ? POLLOUT : POLLIN},
        };
        if (poll(ready, 2, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 1;
        }
        if (ready[0].revents != 0) {
            enum result result = read_control(signer);
            if (result != RESULT_OK) {
                return result == RESULT_EOF ? 0 : 1;
            }
        } else if (ready[1].revents != 0) {
            serve_data(signer);
        }
    }
}

int signer_run(void *argument) {
    const struct signer_start *start = argument;
    struct signer signer = {.control = start->control, .data = -1};
    spawn_mute();
    metrics_unmap(start->metrics, start->slot_count);
    client_table_unmap(start->clients);
    int status = 1;
    if (tls_library_init() == RESULT_OK) {
        signer.keys = signer_keys_new();
    }
    if (signer.keys != NULL && sandbox_enter(SANDBOX_SIGNER) == RESULT_OK) {
        status = serve(&signer);
    }
    close_data(&signer);
    signer_keys_free(signer.keys);
    tls_library_free();
    return status;
}
