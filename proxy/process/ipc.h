// Messages between the master and its children (kinds.h). Each message is one datagram on a
// SOCK_SEQPACKET pair, with its descriptors (SCM_RIGHTS).
//
// Messages by receiver:
//   worker    LOAD (generation, bundle, server table, listeners, logs), COMMIT, ABORT, DATA (its
//             end of the pair to its signer), LOGINS (its end of the pair to its auth process),
//             REOPEN (logs), PING, STOP, RETIRE, DRAIN, EXPIRE (service_retire(), service_drain(),
//             service_expire()), LISTENERS (sockets of the current generation, because some were
//             bound again)
//   signer    LOAD (generation, bundle of keys), ABORT, DATA (its end of the pair to its worker),
//             PING
//   auth      LOAD (generation, bundle of users), ABORT, PING, STOP, LOGINS (its end of the pair to
//             its worker)
//   monitor   LOAD (generation, bundle, server table, answers, sockets of `admin`, log), COMMIT,
//             ABORT, REOPEN (log), RETIRE, DRAIN, EXPIRE, STOP, PING, LISTENERS (sockets of
//             `admin`)
//   master    READY, COMMITTED, FAILED (text), each with the generation; DRAINED; PONG (number of
//             the PING in place of a generation); NAMES (from the monitor: there are new answers);
//             ORDERS (from acme: number of failed orders in place of a generation; text: the last
//             failure)
// No message reports that the other process is gone. The end of file on the pair means this.
//
// Ownership: ipc_send() leaves the descriptors with the caller. The receiver owns the descriptors
// of a received message: it takes those that it keeps with ipc_take(), and closes the others with
// ipc_close(). A malformed message, or one with a wrong number of descriptors, is an error and
// leaves no descriptor open, because the master does not trust workers. If the kernel could not
// deliver the descriptors because the receiver has too few free ones, the message has none
// (`is_cut`).
#ifndef RAVELIN_PROCESS_IPC_H
#define RAVELIN_PROCESS_IPC_H

#include "base/result.h"
#include "config/config.h"
#include "observe/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum ipc_type {
    IPC_LOAD = 1,
    IPC_COMMIT,
    IPC_ABORT,
    IPC_DATA,
    IPC_REOPEN,
    IPC_RETIRE,
    IPC_DRAIN,
    IPC_EXPIRE,
    IPC_STOP,
    IPC_PING,
    IPC_LISTENERS,
    IPC_READY,
    IPC_FAILED,
    IPC_COMMITTED,
    IPC_DRAINED,
    IPC_PONG,
    IPC_REOPENED,
    IPC_NAMES,
    IPC_ORDERS,
    IPC_LOGINS,
    IPC_TYPE_END,
};

// FAILED with this number: the descriptor of DATA did not arrive.
#define IPC_NO_GENERATION 0

enum ipc_fd {
    IPC_FD_BUNDLE,
    IPC_FD_ERROR_LOG,
    IPC_FD_ACCESS_LOG,
    IPC_FD_DATA,
    IPC_FD_SERVERS,       // entries of the server table (backend/server_table.h)
    IPC_FD_SERVER_STATES, // part of the worker's slot
    IPC_FD_ANSWERS,       // part that the monitor writes (backend/server_answers.h)
    IPC_FD_COUNT
};

// Largest number of sockets of one worker slot, as LISTENERS_OF_SLOT_MAX of listeners.h.
#define IPC_LISTENERS_MAX 192

struct ipc_message {
    enum ipc_type type;
    uint64_t generation;
    enum log_level log_level;    // level of the error log, in LOAD
    enum sink_daemon log_daemon; // of the error log, with LOAD; if it is one, there is no
                                 // IPC_FD_ERROR_LOG
    int fds[IPC_FD_COUNT];       // -1: none
    int listeners[IPC_LISTENERS_MAX];
    size_t listener_count;
    bool is_cut; // received without its descriptors, because the receiver has too few free ones
    char text[CONFIG_ERROR_SIZE];
};

// Makes a pair of connected sockets, close-on-exec. fds[0] does not block.
enum result ipc_pair(int fds[2]) MUST_CHECK;

// Makes a message without descriptors and text.
void ipc_init(struct ipc_message *message, enum ipc_type type, uint64_t generation);
// Sends a message. Never waits. RESULT_AGAIN: the receiver's queue is full. RESULT_EOF: it is gone.
enum result ipc_send(int fd, const struct ipc_message *message) MUST_CHECK;
// Sends a message without descriptors and text.
enum result ipc_send_type(int fd, enum ipc_type type, uint64_t generation) MUST_CHECK;
// Receives a message. Never waits. *message is valid only after RESULT_OK. RESULT_ERROR: malformed.
enum result ipc_receive(int fd, struct ipc_message *message) MUST_CHECK;
// Moves a descriptor to the caller. -1: none.
int ipc_take(struct ipc_message *message, enum ipc_fd which);
void ipc_close(struct ipc_message *message);

// Descriptors of a message of another kind (control.h). `room` must live as long as the message
// header.
#define IPC_FDS_MAX (IPC_FD_COUNT + IPC_LISTENERS_MAX) // the kernel allows 253

union ipc_room {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
};

void ipc_attach_fds(struct msghdr *message, union ipc_room *room, const int *fds, size_t count);
// Takes the received descriptors, in order. Closes those beyond `capacity`.
size_t ipc_detach_fds(struct msghdr *message, int *fds, size_t capacity);

#endif
