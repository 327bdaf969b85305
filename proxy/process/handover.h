// The hand-over: messages between the present master (the former one) and the master that a new
// executable starts (the next one), during `ravelin upgrade`. upgrade.h is the former side,
// successor.h the next side.
//
// The next master inherits one descriptor, an end of a SOCK_SEQPACKET pair. The variable
// RAVELIN_UPGRADE names it: "SOCKET:STDERR:PID". All else is sent over this socket, close-on-exec,
// in messages that have the version of their contents. This is safer than a list of descriptors in
// the environment: each descriptor has a known purpose, none leaks into another program, and a
// program without hand-overs gets nothing. The next master uses the socket only if PID is its own
// pid, and the other end has its parent's pid and its user. So the variable alone gives nothing, in
// any environment.
//
//   next      HELLO     version of the hand-over, and of the program
//   former    WELCOME   version of the hand-over
//   next      WANT      once for each thing; the former sends items, then END
//   next      READY     its workers and signers have loaded everything, and accept nothing yet
//   former    GO
//   next      SERVING   its workers accept connections
//   former    RELEASED  the next master is the main process; the former one drains. What it has to
//                       do because the former one was asked for it meanwhile
//   next      DONE      the next master has the commands
//   next      FAILED    at any time before SERVING, with the reason
//   former    STATE     while it drains: number of open connections
//   next      REOPEN, STOP  to the former master, while it drains
// The end of file means that the other master is dead.
//
// Secrets (keys of tickets and of server names) are sent over this socket, and are never in a file
// or in the environment. The kernel keeps a message in memory that is never swapped. Both sides
// have it in locked memory (base/secret.h), which they wipe.
#ifndef RAVELIN_PROCESS_HANDOVER_H
#define RAVELIN_PROCESS_HANDOVER_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/handshake/ticket.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HANDOVER_VERSION 1
#define HANDOVER_VARIABLE "RAVELIN_UPGRADE"
#define HANDOVER_DATA_MAX 1024
#define HANDOVER_FDS_MAX 64

enum handover_type {
    HANDOVER_HELLO = 1,
    HANDOVER_WELCOME,
    HANDOVER_WANT,
    HANDOVER_TICKETS, // struct handover_tickets
    HANDOVER_NAMES,   // the key of server names
    HANDOVER_SOCKETS, // descriptors of listening sockets
    HANDOVER_ADMINS,  // the same for `admin`
    HANDOVER_ADDRESS, // struct names_record (names.h)
    HANDOVER_ORDER,   // struct servers_order (servers.h)
    HANDOVER_FORMER,  // descriptor of a hand-over with a draining master, and its pid
    HANDOVER_END,
    HANDOVER_READY,
    HANDOVER_GO,
    HANDOVER_SERVING,
    HANDOVER_RELEASED,
    HANDOVER_DONE,
    HANDOVER_FAILED, // text
    HANDOVER_STATE,  // a uint32_t: number of connections
    HANDOVER_REOPEN,
    HANDOVER_STOP,
    HANDOVER_CHECK, // struct servers_check (servers.h); follows the orders
    HANDOVER_TYPE_END,
};

struct handover_message {
    uint32_t version; // version of the hand-over of the sender
    enum handover_type type;
    uint32_t layout; // version of the data's layout
    size_t size;
    size_t fd_count;
    int fds[HANDOVER_FDS_MAX];           // owned by the receiver
    uint8_t data[HANDOVER_DATA_MAX + 1]; // followed by a NUL
};

// Data of HANDOVER_TICKETS, with the layout TICKET_KEYS_LAYOUT (tls/handshake/ticket.h).
struct handover_tickets {
    uint32_t age_s; // seconds since the keys changed
    uint8_t keys[TICKET_KEYS_SIZE];
};

// Data of HANDOVER_RELEASED: a uint8_t of these bits. No data: none.
enum { HANDOVER_DUE_RELOAD = 1, HANDOVER_DUE_REOPEN = 2 };

// Allocates a message in locked memory. NULL: memory is short.
struct handover_message *handover_message_new(void);
void handover_message_free(struct handover_message *message); // wipes it; NULL is allowed

// Sets all members except the descriptors. Cuts data that is too long. `data` NULL: the caller
// writes the data into the message, so that a secret has no other copy.
void handover_write(struct handover_message *message, enum handover_type type, uint32_t layout,
                    const void *data, size_t size);
// Sends a message. Never waits. The caller still owns the descriptors. RESULT_EOF: the other master
// is gone. RESULT_ERROR: the message cannot be queued. The result may be ignored if the caller then
// waits for messages, because an end of file follows.
enum result handover_send(int fd, const struct handover_message *message);
// Sends a message without data and descriptors.
enum result handover_say(int fd, enum handover_type type);
// Receives a message. Never waits. *message is valid only after RESULT_OK. RESULT_ERROR: not a
// message of a hand-over. If the sender has another version, only the version is valid.
enum result handover_receive(int fd, struct handover_message *message) MUST_CHECK;
void handover_close_fds(struct handover_message *message);

#endif
