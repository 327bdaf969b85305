// The hand-over: what the master that serves (the former one) and the one that a new executable
// starts (the next one) say to each other during `ravelin upgrade`. upgrade.h is the former side,
// successor.h the next one.
//
// The next master inherits a single descriptor of meaning, one end of a SOCK_SEQPACKET pair, and
// finds it by the variable RAVELIN_UPGRADE: "SOCKET:STDERR:PID". All else comes over this socket,
// close-on-exec, in messages that name the version of what they carry. This is safer than a list of
// descriptors in the environment: nothing has to be guessed about a descriptor, none leaks into
// another program, and a program that knows nothing of hand-overs gets nothing. The next master
// uses the socket only if PID is its own, and the other end belongs to its parent and its user. So
// the variable alone, in whatever environment, gives nothing.
//
//   next      HELLO     this version of the hand-over, and of the program
//   former    WELCOME   this version of the hand-over
//   next      WANT      once for each thing; former: ITEM_…, at last ITEM_END
//   next      READY     its workers and signers have loaded everything, and accept nothing yet
//   former    GO
//   next      SERVING   its workers accept
//   former    RELEASED  it is the main process; the former one drains, and says so
//   next      DONE      it answers commands
//   next      FAILED    at any time before SERVING, with the reason
//   former    STATE     while it drains: how many connections are left
//   next      REOPEN, STOP    to the former one, while that drains
// The end of file means that the other one is dead.
//
// Secrets (keys of tickets, of the names of servers) go over this socket and are never in a file or
// in the environment: the kernel keeps a message in memory that is never swapped, and both sides
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
    HANDOVER_NAMES,   // the key of the names of servers
    HANDOVER_SOCKETS, // descriptors of listening sockets
    HANDOVER_ADMINS,  // the same, those of `admin`
    HANDOVER_ADDRESS, // struct names_record (names.h)
    HANDOVER_ORDER,   // struct servers_order (servers.h)
    HANDOVER_FORMER,  // descriptor of a hand-over with a master that drains; its pid
    HANDOVER_END,
    HANDOVER_READY,
    HANDOVER_GO,
    HANDOVER_SERVING,
    HANDOVER_RELEASED,
    HANDOVER_DONE,
    HANDOVER_FAILED, // text
    HANDOVER_STATE,  // a uint32_t: connections
    HANDOVER_REOPEN,
    HANDOVER_STOP,
    HANDOVER_TYPE_END,
};

struct handover_message {
    uint32_t version; // of the hand-over, as the sender says
    enum handover_type type;
    uint32_t layout; // of the data
    size_t size;
    size_t fd_count;
    int fds[HANDOVER_FDS_MAX];           // the receiver's
    uint8_t data[HANDOVER_DATA_MAX + 1]; // with a NUL behind it
};

// Of HANDOVER_TICKETS, with the layout TICKET_KEYS_LAYOUT (tls/handshake/ticket.h).
struct handover_tickets {
    uint32_t age_s; // since the keys changed
    uint8_t keys[TICKET_KEYS_SIZE];
};

// In locked memory. NULL: memory is short.
struct handover_message *handover_message_new(void);
void handover_message_free(struct handover_message *message); // wipes it; NULL is fine

// Fills in all but the descriptors. Data that is too long is cut. `data` NULL: the caller writes it
// into the message, so that a secret is nowhere else.
void handover_write(struct handover_message *message, enum handover_type type, uint32_t layout,
                    const void *data, size_t size);
// Never waits. The descriptors stay the caller's. RESULT_EOF: the other one is gone. RESULT_ERROR:
// it does not take the message. Who has nothing to do then need not look: the end of file follows.
enum result handover_send(int fd, const struct handover_message *message);
// A message that is a type alone.
enum result handover_say(int fd, enum handover_type type);
// Never waits. Only RESULT_OK leaves a message. RESULT_ERROR: none of a hand-over. Of a sender of
// another version, only the version is valid.
enum result handover_receive(int fd, struct handover_message *message) MUST_CHECK;
void handover_close_fds(struct handover_message *message);

#endif
