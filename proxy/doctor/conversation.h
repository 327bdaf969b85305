// A whole TLS 1.3 conversation over one connection: the client of tls/probe/probe.h with a socket.
#ifndef RAVELIN_DOCTOR_CONVERSATION_H
#define RAVELIN_DOCTOR_CONVERSATION_H

#include "doctor/connection.h"
#include "tls/probe/probe.h"

#define CONVERSATION_HEAD_MAX 8192

// The end of a conversation.
enum ending {
    ENDING_NONE,          // not ended
    ENDING_NO_CONNECTION, // no connection could be made
    ENDING_CLOSE_NOTIFY,  // close_notify was received
    ENDING_CUT,           // TCP ended without close_notify
    ENDING_RESET,         // the connection was reset
    ENDING_ALERT,         // a fatal alert was received
    ENDING_TIME,          // no more bytes arrived in time
    ENDING_MUCH,          // the budget of bytes was used up
    ENDING_FAULT,         // received bytes were malformed: probe_failure()
};

struct conversation {
    struct connection connection;
    struct probe *client;
    bool connected; // the handshake was completed
    enum ending ending;
    char error[CONNECTION_ERROR_SIZE]; // reason, for ENDING_NO_CONNECTION and ENDING_FAULT
    void (*take)(void *context, struct slice data); // see conversation_watch()
    void *context;
    size_t data_size; // bytes of application data so far
    size_t head_size; // number of these bytes in `head`
    char head[CONVERSATION_HEAD_MAX];
};

// Connects and does the handshake. conversation_close() must follow in all cases.
void conversation_open(struct conversation *conversation, const struct address *address,
                       int64_t deadline_us, size_t budget, const struct probe_wishes *wishes);
void conversation_close(struct conversation *conversation);

// Sends data. If the connection ends, `ending` is set.
void conversation_send(struct conversation *conversation, struct slice data);
void conversation_send_message(struct conversation *conversation, struct slice message);
// Reads until the head of a response is complete, or until the end.
void conversation_read_head(struct conversation *conversation);
// Reads until the end.
void conversation_read_end(struct conversation *conversation);

// Passes application data to `take` from now on, and no longer stores it in `head`.
void conversation_watch(struct conversation *conversation,
                        void (*take)(void *context, struct slice data), void *context);
// Reads until bytes arrive, or until the end.
void conversation_read_more(struct conversation *conversation);

// Status of the received HTTP response; 0: none.
uint16_t conversation_status(const struct conversation *conversation);
#define CONVERSATION_TEXT_SIZE 224
// Writes the end of the conversation as text.
void conversation_text(const struct conversation *conversation, char text[CONVERSATION_TEXT_SIZE]);

#endif
