// A whole TLS 1.3 conversation over one connection: the watching client (tls/client) with a socket.
#ifndef RAVELIN_DOCTOR_CONVERSATION_H
#define RAVELIN_DOCTOR_CONVERSATION_H

#include "doctor/connection.h"
#include "tls/probe/probe.h"

#define CONVERSATION_HEAD_MAX 8192

// How it ended, as far as it has.
enum ending {
    ENDING_NONE,          // it goes on
    ENDING_NO_CONNECTION, // there was none
    ENDING_CLOSE_NOTIFY,  // in order
    ENDING_CUT,           // TCP ended without close_notify
    ENDING_RESET,         // or was reset
    ENDING_ALERT,         // a fatal alert came
    ENDING_TIME,          // nothing came any more
    ENDING_MUCH,          // more came than anybody wants
    ENDING_FAULT,         // what came was wrong: probe_failure()
};

struct conversation {
    struct connection connection;
    struct probe *client;
    bool connected; // the handshake went through
    enum ending ending;
    char error[CONNECTION_ERROR_SIZE]; // why, for ENDING_NO_CONNECTION and ENDING_FAULT
    void (*take)(void *context, struct slice data); // conversation_watch()
    void *context;
    size_t data_size; // application data altogether
    size_t head_size; // the first bytes of it are in `head`
    char head[CONVERSATION_HEAD_MAX];
};

// Connects and does the handshake. Whatever comes of it, conversation_close() must follow.
void conversation_open(struct conversation *conversation, const struct address *address,
                       int64_t deadline_us, size_t budget, const struct probe_wishes *wishes);
void conversation_close(struct conversation *conversation);

// Sends; the connection's end shows in `ending`.
void conversation_send(struct conversation *conversation, struct slice data);
void conversation_send_message(struct conversation *conversation, struct slice message);
// Reads until the head of a response is there, or the end.
void conversation_read_head(struct conversation *conversation);
// Reads until the end.
void conversation_read_end(struct conversation *conversation);

// From now on gives application data to `take`, in place of `head`.
void conversation_watch(struct conversation *conversation,
                        void (*take)(void *context, struct slice data), void *context);
// Reads until something comes, or the end.
void conversation_read_more(struct conversation *conversation);

// The status of the HTTP response that came, 0 when none did.
uint16_t conversation_status(const struct conversation *conversation);
#define CONVERSATION_TEXT_SIZE 224
// How it ended, in words.
void conversation_text(const struct conversation *conversation, char text[CONVERSATION_TEXT_SIZE]);

#endif
