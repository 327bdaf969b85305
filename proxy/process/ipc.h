// Messages between the master and its children (kinds.h): one datagram each on a SOCK_SEQPACKET
// pair, with the descriptors that belong to it (SCM_RIGHTS).
//
// Who sends what:
//   to a worker   LOAD (generation, bundle, server table, listeners, logs), COMMIT, ABORT,
//                 DATA (its end of the pair to its signer), REOPEN (logs), PING, STOP,
//                 RETIRE, DRAIN, EXPIRE (service_retire(), service_drain(), service_expire()),
//                 LISTENERS (those of the current generation, of which some were bound again)
//   to a signer   LOAD (generation, bundle of keys), ABORT, DATA (its end of the pair to its
//   worker),
//                 PING
//   to the monitor
//                 LOAD (generation, bundle, server table, answers, sockets of `admin`, log),
//                 COMMIT, ABORT,
//                 REOPEN (log), RETIRE, DRAIN, EXPIRE, STOP, PING,
//                 LISTENERS (those of `admin`)
//   to the master READY, COMMITTED, FAILED (text; all with the generation), DRAINED, PONG (with the
//                 number of the PING in the place of a generation), NAMES (from the monitor: there
//                 are new answers)
// What does not arrive is answered by the death of its process: the end of file on the pair is the
// only signal of a peer that is gone.
//
// Ownership: ipc_send() leaves the descriptors with the caller; those of a received message are the
// receiver's: it takes what it keeps with ipc_take() and calls ipc_close() for the rest. A message
// that is malformed or has the wrong number of descriptors is an error and leaves none open: the
// master trusts no worker. A message whose descriptors the kernel could not deliver, because the
// receiver has too few free, is received without any (`is_cut`).
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
    IPC_TYPE_END,
};

// FAILED with this generation: the descriptor of DATA did not arrive.
#define IPC_NO_GENERATION 0

enum ipc_fd {
    IPC_FD_BUNDLE,
    IPC_FD_ERROR_LOG,
    IPC_FD_ACCESS_LOG,
    IPC_FD_DATA,
    IPC_FD_SERVERS,       // entries of the server table (backend/server_table.h)
    IPC_FD_SERVER_STATES, // the part of the worker's slot
    IPC_FD_ANSWERS,       // the part that the monitor writes (backend/server_answers.h)
    IPC_FD_COUNT
};

// Of one worker slot; as many as LISTENERS_OF_SLOT_MAX of listeners.h.
#define IPC_LISTENERS_MAX 192

struct ipc_message {
    enum ipc_type type;
    uint64_t generation;
    enum log_level log_level;    // of the error log, with LOAD
    enum sink_daemon log_daemon; // of the error log, with LOAD; if it is one, there is no
                                 // IPC_FD_ERROR_LOG
    int fds[IPC_FD_COUNT];       // -1: none
    int listeners[IPC_LISTENERS_MAX];
    size_t listener_count;
    bool is_cut; // received without its descriptors: the receiver has no room for them
    char text[CONFIG_ERROR_SIZE];
};

// A pair of connected sockets, close-on-exec; fds[0] does not block.
enum result ipc_pair(int fds[2]) MUST_CHECK;

// A message without descriptors and text.
void ipc_init(struct ipc_message *message, enum ipc_type type, uint64_t generation);
// Never waits. RESULT_AGAIN: the receiver has let too much pile up; RESULT_EOF: it is gone.
enum result ipc_send(int fd, const struct ipc_message *message) MUST_CHECK;
// A message that is only a type and a generation.
enum result ipc_send_type(int fd, enum ipc_type type, uint64_t generation) MUST_CHECK;
// Never waits. Only RESULT_OK leaves a message. RESULT_ERROR: not one of ours.
enum result ipc_receive(int fd, struct ipc_message *message) MUST_CHECK;
// The descriptor becomes the caller's; -1 when there is none.
int ipc_take(struct ipc_message *message, enum ipc_fd which);
void ipc_close(struct ipc_message *message);

// Descriptors beside a message of another kind (control.h). `room` must live as long as the message
// header.
#define IPC_FDS_MAX (IPC_FD_COUNT + IPC_LISTENERS_MAX) // the kernel carries 253

union ipc_room {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
};

void ipc_attach_fds(struct msghdr *message, union ipc_room *room, const int *fds, size_t count);
// Those that came, in order. What is more than `capacity` is closed.
size_t ipc_detach_fds(struct msghdr *message, int *fds, size_t capacity);

#endif
