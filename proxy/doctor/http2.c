#include "doctor/http2.h"

#include <stdio.h>
#include <stdlib.h>

#define QUESTION "ravelin?" // of the last PING

enum { BLOCK_SIZE = 2048 }; // of a request

// --- reading ---

// Returns 0 if the value is not three digits.
static uint16_t status_of(struct slice text) {
    uint16_t status = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        status = (uint16_t)(status * 10 + (text.data[i] - '0'));
    }
    return text.size == 3 ? status : 0;
}

static void take_block(struct http2_client *client, struct slice block) {
    struct http_field items[HTTP2_CLIENT_FIELDS];
    struct http_fields fields = {.items = items, .capacity = HTTP2_CLIENT_FIELDS};
    struct hpack_section section = {
        .fields = &fields,
        .text = client->text,
        .text_capacity = sizeof(client->text),
        .list_size_max = sizeof(client->text) / 2,
    };
    struct http2_fault fault;
    if (hpack_decode(&client->decoder, &client->memory, block, &section, &fault) != RESULT_OK) {
        client->is_bad = true;
        return;
    }
    if (fields.count > 0 && slice_equal(items[0].name, SLICE(":status"))) {
        client->status = status_of(items[0].value);
    }
}

// Processes a fragment: of HEADERS without padding and priority, which servers do not send, or of
// CONTINUATION.
static void take_fragment(struct http2_client *client) {
    size_t size = client->header.length;
    bool padded = client->header.type == FRAME_HEADERS &&
                  (client->header.flags & (FRAME_PADDED | FRAME_HAS_PRIORITY)) != 0;
    if (padded || size > sizeof(client->block) - client->block_size) {
        client->is_bad = true;
        return;
    }
    if (size > 0) {
        memcpy(client->block + client->block_size, client->payload, size);
    }
    client->block_size += size;
    if ((client->header.flags & FRAME_END_HEADERS) != 0) {
        take_block(client, (struct slice){(const char *)client->block, client->block_size});
        client->block_size = 0;
    }
}

static void take_frame(struct http2_client *client) {
    const struct frame_header *header = &client->header;
    switch (header->type) {
    case FRAME_HEADERS:
    case FRAME_CONTINUATION:
        take_fragment(client);
        return;
    case FRAME_RST_STREAM:
        client->reset_count++;
        client->reset_code = header->length == 4 ? frame_read_32(client->payload) : 0;
        return;
    case FRAME_PING:
        client->is_served |= (header->flags & FRAME_ACK) != 0 && header->length == 8 &&
                             memcmp(client->payload, QUESTION, 8) == 0;
        return;
    case FRAME_GOAWAY:
        client->left = true;
        client->left_code = header->length >= 8 ? frame_read_32(client->payload + 4) : 0;
        return;
    default:
        return;
    }
}

static size_t copy_some(uint8_t *to, size_t *have, size_t wanted, struct slice from) {
    size_t size = wanted - *have < from.size ? wanted - *have : from.size;
    if (size > 0) {
        memcpy(to + *have, from.data, size);
    }
    *have += size;
    return size;
}

void http2_client_take(struct http2_client *client, struct slice data) {
    while (data.size > 0 && !client->is_bad) {
        size_t used;
        if (client->header_have < FRAME_HEADER_SIZE) {
            used = copy_some(client->header_bytes, &client->header_have, FRAME_HEADER_SIZE, data);
            client->have = 0;
            frame_read_header(client->header_bytes, &client->header);
            client->is_bad = client->header_have == FRAME_HEADER_SIZE &&
                             client->header.length > sizeof(client->payload);
        } else {
            used = copy_some(client->payload, &client->have, client->header.length, data);
        }
        data = (struct slice){data.data + used, data.size - used};
        if (client->header_have == FRAME_HEADER_SIZE && client->have == client->header.length &&
            !client->is_bad) {
            take_frame(client);
            client->header_have = 0;
        }
    }
}

static void take(void *context, struct slice data) {
    http2_client_take(context, data);
}

static bool has_ended(const struct http2_client *client) {
    return client->conversation.ending != ENDING_NONE || client->left || client->is_bad;
}

void http2_client_read_answer(struct http2_client *client) {
    http2_client_send(client);
    while (!has_ended(client) && client->status < 200 && client->reset_count == 0) {
        conversation_read_more(&client->conversation);
    }
}

bool http2_client_is_served(struct http2_client *client) {
    http2_client_put_frame(client, FRAME_PING, 0, 0, SLICE(QUESTION));
    http2_client_send(client);
    while (!has_ended(client) && !client->is_served) {
        conversation_read_more(&client->conversation);
    }
    return client->is_served;
}

static const char *code_name(uint32_t code) {
    static const char *const names[] = {
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    };
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "an unknown code";
}

void http2_client_text(const struct http2_client *client, char text[HTTP2_CLIENT_TEXT_SIZE]) {
    char ended[CONVERSATION_TEXT_SIZE];
    if (client->left) {
        (void)snprintf(text, HTTP2_CLIENT_TEXT_SIZE, "GOAWAY with %s",
                       code_name(client->left_code));
    } else if (client->status != 0) {
        (void)snprintf(text, HTTP2_CLIENT_TEXT_SIZE, "status %u", client->status);
    } else if (client->reset_count > 0) {
        (void)snprintf(text, HTTP2_CLIENT_TEXT_SIZE, "RST_STREAM with %s",
                       code_name(client->reset_code));
    } else if (client->is_bad) {
        (void)snprintf(text, HTTP2_CLIENT_TEXT_SIZE, "a frame that cannot be read");
    } else {
        conversation_text(&client->conversation, ended);
        (void)snprintf(text, HTTP2_CLIENT_TEXT_SIZE, "%.90s", ended);
    }
}

// --- sending ---

void http2_client_send(struct http2_client *client) {
    conversation_send(&client->conversation,
                      (struct slice){(const char *)client->bytes, client->output.size});
    client->output = builder_over(client->bytes, sizeof(client->bytes));
}

void http2_client_put_frame(struct http2_client *client, enum frame_type type, uint8_t flags,
                            uint32_t stream, struct slice payload) {
    uint8_t header[FRAME_HEADER_SIZE];
    if (client->output.capacity - client->output.size < payload.size + sizeof(header)) {
        http2_client_send(client);
    }
    const struct frame_header fields = {(uint32_t)payload.size, stream, (uint8_t)type, flags};
    frame_write_header(header, &fields);
    builder_put_bytes(&client->output, header, sizeof(header));
    builder_put_bytes(&client->output, payload.data, payload.size);
}

// A length in a prefix of 7 bits (RFC 7541 5.1).
static void put_string(struct builder *block, struct slice text) {
    size_t left = text.size;
    if (left < 127) {
        builder_put(block, left, 1);
    } else {
        builder_put(block, 127, 1);
        for (left -= 127; left >= 128; left /= 128) {
            builder_put(block, left % 128 | 128, 1);
        }
        builder_put(block, left, 1);
    }
    builder_put_bytes(block, text.data, text.size);
}

void http2_client_put_literal(struct builder *block, struct slice name, struct slice value) {
    builder_put(block, 0, 1);
    put_string(block, name);
    put_string(block, value);
}

void http2_client_put_request(struct http2_client *client, uint32_t stream,
                              const struct http2_client_request *request) {
    uint8_t bytes[BLOCK_SIZE];
    struct builder block = builder_over(bytes, sizeof(bytes));
    http2_client_put_literal(&block, SLICE(":method"), SLICE("GET"));
    http2_client_put_literal(&block, SLICE(":scheme"), SLICE("https"));
    http2_client_put_literal(&block, SLICE(":authority"), request->authority);
    http2_client_put_literal(&block, SLICE(":path"),
                             request->path.size > 0 ? request->path : SLICE("/"));
    if (request->field.name.size > 0) {
        http2_client_put_literal(&block, request->field.name, request->field.value);
    }
    uint8_t flags = (uint8_t)((request->goes_on ? 0 : FRAME_END_STREAM) |
                              (request->is_cut ? 0 : FRAME_END_HEADERS));
    http2_client_put_frame(client, FRAME_HEADERS, flags, stream,
                           (struct slice){(const char *)bytes, block.size});
}

// --- beginning and end ---

bool http2_client_is_spoken_to(const struct http2_client *client) {
    return client->conversation.connected && probe_facts(client->conversation.client)->http2;
}

struct http2_client *http2_client_open(const struct address *address, int64_t deadline_us,
                                       size_t budget, const struct probe_wishes *wishes) {
    const struct frame_parameter settings[] = {{SETTING_ENABLE_PUSH, 0},
                                               {SETTING_INITIAL_WINDOW_SIZE, 0}};
    struct http2_client *client = calloc(1, sizeof(*client));
    struct probe_wishes own = *wishes;
    if (client == NULL) {
        return NULL;
    }
    own.http2 = true;
    hpack_memory_init(&client->memory, 0);
    client->output = builder_over(client->bytes, sizeof(client->bytes));
    conversation_open(&client->conversation, address, deadline_us, budget, &own);
    conversation_watch(&client->conversation, take, client);
    if (http2_client_is_spoken_to(client)) {
        builder_put_bytes(&client->output, FRAME_PREFACE, sizeof(FRAME_PREFACE) - 1);
        frame_put_settings(&client->output, settings, sizeof(settings) / sizeof(settings[0]));
        frame_put_settings_ack(&client->output);
    }
    return client;
}

void http2_client_close(struct http2_client *client) {
    hpack_decoder_free(&client->decoder, &client->memory);
    conversation_close(&client->conversation);
    free(client);
}
