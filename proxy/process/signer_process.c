#include "process/signer_process.h"

#include "base/clock.h"
#include "base/secret.h"
#include "process/ipc.h"
#include "process/signer.h"
#include "process/spawn.h"
#include "tls/handshake/context.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct signer {
    int control;
    int data; // -1: none
    struct signer_keys *keys;
    struct sign_request requests[SIGN_BATCH_MAX]; // of one datagram
    size_t request_count;
    size_t request_next; // the first that was not signed yet
    struct sign_response responses[SIGN_BATCH_MAX];
    size_t response_count; // made, and not sent yet
    bool responses_wait;   // for room in the data socket
};

// Signatures that are made within this time are sent together. A slow signature, for example with
// an RSA key, is sent as soon as it is made.
enum { GATHER_US = 200 };

static void drop_requests(struct signer *signer) {
    secret_wipe(signer->requests, signer->request_count * sizeof(signer->requests[0]));
    signer->request_count = signer->request_next = 0;
}

static void close_data(struct signer *signer) {
    if (signer->data >= 0) {
        (void)close(signer->data);
    }
    signer->data = -1;
    drop_requests(signer);
    signer->response_count = 0;
    signer->responses_wait = false;
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
    if (message->is_cut) { // it has only two descriptors, so this is a serious fault
        return RESULT_ERROR;
    }
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
    case IPC_PING:
        return ipc_send_type(signer->control, IPC_PONG, message->generation);
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

static void send_responses(struct signer *signer) {
    size_t size = signer->response_count * sizeof(signer->responses[0]);
    ssize_t sent = send(signer->data, signer->responses, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    signer->responses_wait = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (sent >= 0) {
        signer->response_count = 0;
    } else if (!signer->responses_wait) {
        close_data(signer);
    }
}

// False: no requests.
static bool receive_requests(struct signer *signer) {
    // With MSG_TRUNC the true size is returned.
    ssize_t received =
        recv(signer->data, signer->requests, sizeof(signer->requests), MSG_DONTWAIT | MSG_TRUNC);
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) {
        close_data(signer); // the worker is gone; the master sends the socket of the next one
    }
    size_t size = received < 0 ? 0 : (size_t)received;
    if (size > sizeof(signer->requests) || size % sizeof(signer->requests[0]) != 0) {
        return false;
    }
    signer->request_count = size / sizeof(signer->requests[0]);
    return size > 0;
}

// Signs until the responses should be sent.
static void sign_some(struct signer *signer) {
    int64_t begun_us = clock_monotonic_us();
    do {
        signer_sign(signer->keys, &signer->requests[signer->request_next++],
                    &signer->responses[signer->response_count++]);
    } while (signer->request_next < signer->request_count &&
             clock_monotonic_us() - begun_us < GATHER_US);
}

static void serve_data(struct signer *signer) {
    if (signer->responses_wait) {
        send_responses(signer);
    } else if (!receive_requests(signer)) {
        return;
    }
    while (!signer->responses_wait && signer->request_next < signer->request_count) {
        sign_some(signer);
        send_responses(signer);
    }
    if (signer->request_next == signer->request_count) {
        drop_requests(signer);
    }
}

static int serve(struct signer *signer) {
    for (;;) {
        struct pollfd ready[] = {
            {.fd = signer->control, .events = POLLIN},
            {.fd = signer->data, .events = signer->responses_wait ? POLLOUT : POLLIN},
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

static void free_signer(struct signer *signer) {
    close_data(signer);
    signer_keys_free(signer->keys);
    tls_library_free();
    free(signer);
}

void *signer_prepare(void *argument) {
    const struct signer_start *start = argument;
    struct signer *signer = calloc(1, sizeof(*signer));
    spawn_mute();
    if (signer == NULL) {
        return NULL;
    }
    signer->control = start->control;
    signer->data = -1;
    if (tls_library_init() == RESULT_OK) {
        signer->keys = signer_keys_new();
    }
    if (signer->keys == NULL) {
        free_signer(signer);
        return NULL;
    }
    return signer;
}

int signer_run(void *argument) {
    struct signer *signer = argument;
    int status = serve(signer);
    free_signer(signer);
    return status;
}
