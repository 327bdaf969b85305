#include "doctor/conversation.h"

#include "doctor/answer.h"

#include <stdio.h>

static void end(struct conversation *conversation, enum ending ending) {
    if (conversation->ending == ENDING_NONE) {
        conversation->ending = ending;
    }
}

static void flush(struct conversation *conversation) {
    struct slice output = probe_output(conversation->client);
    if (output.size == 0 || conversation->ending != ENDING_NONE) {
        return;
    }
    switch (connection_send(&conversation->connection, output)) {
    case RESULT_OK:
        probe_sent(conversation->client, output.size);
        return;
    case RESULT_AGAIN:
        end(conversation, ENDING_TIME);
        return;
    default: // broken; the server may have sent a reason before, which receive() reads
        probe_sent(conversation->client, output.size);
        return;
    }
}

static void receive(struct conversation *conversation) {
    uint8_t buffer[16384];
    size_t size;
    switch (connection_receive(&conversation->connection, buffer, sizeof(buffer), &size)) {
    case RESULT_OK:
        // There is space: the client needs more bytes, so it has less than a record.
        if (probe_feed(conversation->client, buffer, size) != size) {
            end(conversation, ENDING_FAULT);
        }
        return;
    case RESULT_EOF:
        end(conversation, ENDING_CUT);
        return;
    case RESULT_AGAIN:
        end(conversation, conversation->connection.budget == 0 ? ENDING_MUCH : ENDING_TIME);
        return;
    case RESULT_ERROR:
        end(conversation, ENDING_RESET);
        return;
    }
}

static void keep_data(struct conversation *conversation, struct slice data) {
    if (conversation->take != NULL) {
        conversation->data_size += data.size;
        conversation->take(conversation->context, data);
        return;
    }
    size_t room = sizeof(conversation->head) - conversation->head_size;
    size_t kept = data.size < room ? data.size : room;
    memcpy(conversation->head + conversation->head_size, data.data, kept);
    conversation->head_size += kept;
    conversation->data_size += data.size;
}

// The next event; PROBE_NOTHING at the end.
static enum probe_event next_event(struct conversation *conversation) {
    enum probe_event event = PROBE_NOTHING;
    struct slice data;
    while (conversation->ending == ENDING_NONE && event == PROBE_NOTHING) {
        enum result result = probe_advance(conversation->client, &event, &data);
        if (result == RESULT_ERROR) {
            (void)snprintf(conversation->error, sizeof(conversation->error), "%s",
                           probe_failure(conversation->client));
            end(conversation, ENDING_FAULT);
        } else if (result == RESULT_AGAIN) {
            flush(conversation);
            if (conversation->ending == ENDING_NONE) {
                receive(conversation);
            }
        } else if (event == PROBE_DATA) {
            keep_data(conversation, data);
        }
    }
    if (event == PROBE_ALERT) {
        end(conversation, ENDING_ALERT);
    } else if (event == PROBE_CLOSED) {
        end(conversation, ENDING_CLOSE_NOTIFY);
    }
    return event;
}

void conversation_open(struct conversation *conversation, const struct address *address,
                       int64_t deadline_us, size_t budget, const struct probe_wishes *wishes) {
    *conversation = (struct conversation){.connection = {.fd = -1}, .ending = ENDING_NONE};
    conversation->client = probe_new(wishes);
    if (conversation->client == NULL) {
        (void)snprintf(conversation->error, sizeof(conversation->error), "out of memory");
        end(conversation, ENDING_NO_CONNECTION);
        return;
    }
    if (connection_open(&conversation->connection, address, deadline_us, budget,
                        conversation->error) != RESULT_OK) {
        end(conversation, ENDING_NO_CONNECTION);
        return;
    }
    flush(conversation);
    while (conversation->ending == ENDING_NONE && !conversation->connected) {
        conversation->connected = next_event(conversation) == PROBE_HANDSHAKE_DONE;
    }
    flush(conversation);
}

void conversation_close(struct conversation *conversation) {
    if (conversation->ending == ENDING_NONE && conversation->connected &&
        probe_send_close(conversation->client) == RESULT_OK) {
        flush(conversation);
    }
    probe_free(conversation->client);
    connection_close(&conversation->connection);
}

void conversation_send(struct conversation *conversation, struct slice data) {
    if (conversation->ending == ENDING_NONE &&
        probe_send_data(conversation->client, data) == RESULT_OK) {
        flush(conversation);
    }
}

void conversation_send_message(struct conversation *conversation, struct slice message) {
    if (conversation->ending == ENDING_NONE &&
        probe_send_message(conversation->client, message) == RESULT_OK) {
        flush(conversation);
    }
}

static bool has_head(const struct conversation *conversation) {
    return conversation->head_size == sizeof(conversation->head) ||
           memmem(conversation->head, conversation->head_size, "\r\n\r\n", 4) != NULL;
}

void conversation_read_head(struct conversation *conversation) {
    while (conversation->ending == ENDING_NONE && !has_head(conversation)) {
        (void)next_event(conversation);
    }
}

void conversation_read_end(struct conversation *conversation) {
    while (conversation->ending == ENDING_NONE) {
        (void)next_event(conversation);
    }
}

void conversation_watch(struct conversation *conversation,
                        void (*take)(void *context, struct slice data), void *context) {
    conversation->take = take;
    conversation->context = context;
}

void conversation_read_more(struct conversation *conversation) {
    (void)next_event(conversation);
}

uint16_t conversation_status(const struct conversation *conversation) {
    return http_status_of((struct slice){conversation->head, conversation->head_size});
}

void conversation_text(const struct conversation *conversation, char text[CONVERSATION_TEXT_SIZE]) {
    static const char *const endings[] = {
        [ENDING_NONE] = "it goes on",
        [ENDING_CLOSE_NOTIFY] = "the connection was closed in order",
        [ENDING_CUT] = "the connection was closed without a word",
        [ENDING_RESET] = "the connection was reset",
        [ENDING_TIME] = "no answer in time",
        [ENDING_MUCH] = "it went on for too long",
    };
    switch (conversation->ending) {
    case ENDING_NO_CONNECTION:
    case ENDING_FAULT:
        (void)snprintf(text, CONVERSATION_TEXT_SIZE, "%s", conversation->error);
        return;
    case ENDING_ALERT:
        (void)snprintf(text, CONVERSATION_TEXT_SIZE, "%s", probe_failure(conversation->client));
        return;
    default:
        (void)snprintf(text, CONVERSATION_TEXT_SIZE, "%s", endings[conversation->ending]);
        return;
    }
}
