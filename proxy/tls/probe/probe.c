#include "tls/probe/probe.h"

#include "base/secret.h"
#include "tls/probe/probe_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/random.h>

enum { ALERT_LEVEL_WARNING = 1 };

enum result probe_fail(struct probe *client, const char *why, ...) {
    va_list arguments;
    client->state = PROBE_OVER;
    if (client->failure[0] == '\0') { // the first failure is the reason
        va_start(arguments, why);
        (void)vsnprintf(client->failure, sizeof(client->failure), why, arguments);
        va_end(arguments);
    }
    return RESULT_ERROR;
}

// --- Beginning and end ---

static bool make_random(uint8_t *data, size_t size) {
    WC_RNG rng;
    if (wc_InitRng(&rng) != 0) {
        return false;
    }
    bool ok = wc_RNG_GenerateBlock(&rng, data, (word32)size) == 0;
    (void)wc_FreeRng(&rng);
    return ok;
}

static bool copy_list(struct probe *client, unsigned index, struct numbers from,
                      struct numbers *to) {
    if (from.count > PROBE_GROUPS_MAX) {
        return false;
    }
    for (size_t i = 0; i < from.count; i++) {
        client->lists[index][i] = from.items[i];
    }
    *to = (struct numbers){client->lists[index], from.count};
    return true;
}

static bool make_shares(struct probe *client, struct numbers groups) {
    if (groups.count > OFFER_SHARES_MAX) {
        return false;
    }
    for (size_t i = 0; i < groups.count; i++) {
        client->exchanges[i] = key_exchange_new(groups.items[i]);
        if (client->exchanges[i] == NULL) {
            return false;
        }
        client->offer.shares[i] =
            (struct offer_share){groups.items[i], key_exchange_share(client->exchanges[i])};
    }
    client->offer.share_count = groups.count;
    return true;
}

static void offer_ticket(struct probe *client, const struct probe_wishes *wishes) {
    client->has_ticket = true;
    client->ticket = *wishes->ticket;
    client->offer.psk = (struct slice){(const char *)client->ticket.data, client->ticket.size};
    client->offer.binder_size = aead_hash_size(client->ticket.suite);
    client->offer.early_data = wishes->early_data.size > 0;
    client->early_data = wishes->early_data;
}

static bool make_offer(struct probe *client, const struct probe_wishes *wishes) {
    static const uint16_t versions[] = {VERSION_TLS13};
    struct offer *offer = &client->offer;
    if (wishes->name.size >= sizeof(client->name)) {
        return false;
    }
    if (wishes->name.size > 0) {
        memcpy(client->name, wishes->name.data, wishes->name.size);
    }
    *offer = (struct offer){
        .version = VERSION_TLS12,
        .name = {client->name, wishes->name.size},
        .versions = NUMBERS(versions),
        .has_shares = true,
        .http1 = !wishes->http2,
        .http2 = wishes->http2,
        .ocsp = true,
        .modes = wishes->modes,
    };
    if (!copy_list(client, 0, wishes->suites, &offer->suites) ||
        !copy_list(client, 1, wishes->groups, &offer->groups) ||
        !copy_list(client, 2, wishes->signatures, &offer->signatures) ||
        !make_shares(client, wishes->shares)) {
        return false;
    }
    if (wishes->ticket != NULL) {
        offer_ticket(client, wishes);
    }
    return true;
}

// Sends data before the server's first message (RFC 8446 4.2.10).
static enum result put_early_data(struct probe *client) {
    uint8_t hash[HASH_SIZE_MAX];
    uint8_t secret[HASH_SIZE_MAX];
    struct slice psk = {(const char *)client->ticket.psk, client->ticket.psk_size};
    if (key_schedule_start(&client->schedule, client->ticket.suite, psk) != RESULT_OK ||
        probe_transcript_hash(client, hash) != RESULT_OK ||
        key_schedule_derive(&client->schedule, "c e traffic", hash, secret) != RESULT_OK ||
        probe_set_keys(client, &client->write, secret) != RESULT_OK) {
        return probe_fail(client, "the early keys cannot be computed");
    }
    secret_wipe(secret, sizeof(secret));
    client->early_keys = true;
    return probe_put_record(client, RECORD_APPLICATION_DATA, client->early_data);
}

struct probe *probe_new(const struct probe_wishes *wishes) {
    struct probe *client = secret_map(sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->engine = record_engine_new();
    if (client->engine == NULL || !make_random(client->random, sizeof(client->random)) ||
        !make_offer(client, wishes) || probe_put_hello(client) != RESULT_OK ||
        (client->offer.early_data && put_early_data(client) != RESULT_OK)) {
        probe_free(client);
        return NULL;
    }
    return client;
}

void probe_free(struct probe *client) {
    if (client == NULL) {
        return;
    }
    for (size_t i = 0; i < OFFER_SHARES_MAX; i++) {
        key_exchange_free(client->exchanges[i]);
    }
    record_engine_free(client->engine);
    secret_unmap(client, sizeof(*client));
}

// --- Records ---

enum result probe_set_keys(struct probe *client, struct probe_keys *keys, const uint8_t *secret) {
    uint16_t suite = client->schedule.suite;
    memmove(keys->secret, secret, aead_hash_size(suite));
    keys->sequence = 0;
    keys->ready = true;
    if (aead_expand_label(suite, keys->secret, "key", keys->key, aead_key_size(suite)) !=
            RESULT_OK ||
        aead_expand_label(suite, keys->secret, "iv", keys->iv, AEAD_NONCE_SIZE) != RESULT_OK) {
        return probe_fail(client, "the traffic keys cannot be computed");
    }
    return RESULT_OK;
}

static void next_nonce(struct probe_keys *keys, uint8_t nonce[AEAD_NONCE_SIZE]) {
    memcpy(nonce, keys->iv, AEAD_NONCE_SIZE);
    for (size_t i = 0; i < 8; i++) {
        nonce[AEAD_NONCE_SIZE - 1 - i] ^= (uint8_t)(keys->sequence >> (8 * i));
    }
    keys->sequence++;
}

enum result probe_put_record(struct probe *client, enum record_type type, struct slice data) {
    bool sealed = client->write.ready;
    size_t body = data.size + (sealed ? RECORD_TAIL_SIZE : 0);
    if (data.size > RECORD_PAYLOAD_MAX ||
        PROBE_OUTPUT_SIZE - client->output_size < RECORD_HEADER_SIZE + body) {
        return probe_fail(client, "too much is to be sent at once");
    }
    uint8_t *header = client->output + client->output_size;
    uint8_t *payload = header + RECORD_HEADER_SIZE;
    // The first record has the oldest version, for middleboxes (RFC 8446 5.1).
    header[0] = (uint8_t)(sealed ? RECORD_APPLICATION_DATA : type);
    header[1] = 3;
    header[2] = client->transcript_size > 0 && client->facts.retried ? 3 : sealed ? 3 : 1;
    header[3] = (uint8_t)(body >> 8);
    header[4] = (uint8_t)body;
    if (data.size > 0) {
        memcpy(payload, data.data, data.size);
    }
    if (sealed) {
        uint8_t nonce[AEAD_NONCE_SIZE];
        next_nonce(&client->write, nonce);
        payload[data.size] = (uint8_t)type;
        if (aead_seal(client->engine, client->schedule.suite, client->write.key, nonce, header,
                      payload, data.size + 1, payload + data.size + 1) != RESULT_OK) {
            return probe_fail(client, "a record cannot be sealed");
        }
    }
    client->output_size += RECORD_HEADER_SIZE + body;
    return RESULT_OK;
}

// Opens a protected record in place; *type is the one inside.
static enum result open_record(struct probe *client, uint8_t *record, size_t size, uint8_t *type,
                               struct slice *content) {
    uint8_t nonce[AEAD_NONCE_SIZE];
    uint8_t *payload = record + RECORD_HEADER_SIZE;
    size_t payload_size = size - RECORD_HEADER_SIZE;
    if (payload_size < RECORD_TAIL_SIZE) {
        return probe_fail(client, "a protected record is too short");
    }
    payload_size -= RECORD_TAG_SIZE;
    next_nonce(&client->read, nonce);
    if (aead_open(client->engine, client->schedule.suite, client->read.key, nonce, record, payload,
                  payload_size, payload + payload_size) != RESULT_OK) {
        return probe_fail(client, "a record is not authentic");
    }
    while (payload_size > 0 && payload[payload_size - 1] == 0) { // padding
        payload_size--;
    }
    if (payload_size == 0) {
        return probe_fail(client, "a record without a type");
    }
    *type = payload[payload_size - 1];
    *content = (struct slice){(const char *)payload, payload_size - 1};
    return RESULT_OK;
}

static enum result take_alert(struct probe *client, struct slice content, bool protected,
                              enum probe_event *event) {
    if (content.size != 2) {
        return probe_fail(client, "an alert of %zu bytes", content.size);
    }
    uint8_t alert = (uint8_t)content.data[1];
    // Older servers send one of these two as a warning and continue.
    bool is_warning = content.data[0] == ALERT_LEVEL_WARNING;
    if (alert == ALERT_USER_CANCELED || (is_warning && alert == ALERT_UNRECOGNIZED_NAME)) {
        return RESULT_OK;
    }
    client->state = PROBE_OVER;
    if (alert == ALERT_CLOSE_NOTIFY) {
        *event = PROBE_CLOSED;
        return RESULT_OK;
    }
    client->facts.has_alert = true;
    client->facts.alert = alert;
    client->facts.alert_was_protected = protected;
    (void)snprintf(client->failure, sizeof(client->failure), "alert %s (%u)", alert_name(alert),
                   alert);
    *event = PROBE_ALERT;
    return RESULT_OK;
}

static enum result take_fragment(struct probe *client, struct slice content) {
    if (content.size == 0) {
        return probe_fail(client, "an empty handshake record");
    }
    if (content.size > sizeof(client->message) - client->message_size) {
        return probe_fail(client, "a handshake message of more than %zu bytes", PROBE_MESSAGE_MAX);
    }
    memcpy(client->message + client->message_size, content.data, content.size);
    client->message_size += content.size;
    return RESULT_OK;
}

static enum result take_record(struct probe *client, uint8_t *record, size_t size,
                               enum probe_event *event, struct slice *data) {
    uint8_t type = record[0];
    struct slice content = {(const char *)record + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE};
    bool protected = client->read.ready && type == RECORD_APPLICATION_DATA;
    // A change_cipher_spec is allowed in a handshake and has no meaning (RFC 8446 5).
    if (type == RECORD_CHANGE_CIPHER_SPEC && client->state < PROBE_CONNECTED &&
        slice_equal(content, SLICE("\x01"))) {
        return RESULT_OK;
    }
    if (protected && open_record(client, record, size, &type, &content) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (type == RECORD_ALERT) {
        return take_alert(client, content, protected, event);
    }
    if (client->read.ready && !protected) {
        return probe_fail(client, "an unprotected record of type %u in the handshake", type);
    }
    if (client->message_size > 0 && type != RECORD_HANDSHAKE) {
        return probe_fail(client, "a record of type %u inside a handshake message", type);
    }
    if (type == RECORD_HANDSHAKE) {
        return take_fragment(client, content);
    }
    if (type != RECORD_APPLICATION_DATA || client->state != PROBE_CONNECTED) {
        return probe_fail(client, "an unexpected record of type %u", type);
    }
    *data = content;
    *event = content.size > 0 ? PROBE_DATA : PROBE_NOTHING;
    return RESULT_OK;
}

// --- The way through ---

size_t probe_feed(struct probe *client, const void *data, size_t size) {
    if (client->input_begin > 0) {
        memmove(client->input, client->input + client->input_begin,
                client->input_end - client->input_begin);
        client->input_end -= client->input_begin;
        client->input_begin = 0;
    }
    size_t room = sizeof(client->input) - client->input_end;
    size_t taken = size < room ? size : room;
    if (taken > 0) {
        memcpy(client->input + client->input_end, data, taken);
    }
    client->input_end += taken;
    return taken;
}

// Size of the record at the beginning of the input; 0: it is not complete.
static enum result next_record(struct probe *client, size_t *size) {
    const uint8_t *at = client->input + client->input_begin;
    size_t there = client->input_end - client->input_begin;
    *size = 0;
    if (there < RECORD_HEADER_SIZE) {
        return RESULT_OK;
    }
    if (at[0] < RECORD_CHANGE_CIPHER_SPEC || at[0] > RECORD_APPLICATION_DATA || at[1] != 3) {
        return probe_fail(client, "what came is not TLS");
    }
    size_t body = (size_t)at[3] << 8 | at[4];
    if (body > RECORD_BODY_MAX) {
        return probe_fail(client, "a record of %zu bytes", body);
    }
    *size = there < RECORD_HEADER_SIZE + body ? 0 : RECORD_HEADER_SIZE + body;
    return RESULT_OK;
}

// Size of a complete handshake message in the buffer; otherwise 0.
static size_t next_message(const struct probe *client) {
    if (client->message_size < 4) {
        return 0;
    }
    const uint8_t *at = client->message;
    size_t size = 4 + ((size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
    return size <= client->message_size ? size : 0;
}

static enum result take_next_message(struct probe *client, size_t size, enum probe_event *event) {
    bool was_protected = client->read.ready;
    uint64_t sequence = client->read.sequence;
    enum result result =
        probe_take_message(client, (struct slice){(const char *)client->message, size}, event);
    client->message_size -= size;
    memmove(client->message, client->message + size, client->message_size);
    bool new_keys = client->read.ready && (!was_protected || client->read.sequence < sequence);
    if (result == RESULT_OK && new_keys && client->message_size > 0) {
        return probe_fail(client, "a handshake message goes on across a change of keys");
    }
    return result;
}

enum result probe_advance(struct probe *client, enum probe_event *event, struct slice *data) {
    *event = PROBE_NOTHING;
    *data = (struct slice){NULL, 0};
    while (*event == PROBE_NOTHING) {
        size_t size = next_message(client);
        if (client->state == PROBE_OVER) {
            return RESULT_ERROR;
        }
        if (size > 0) {
            if (take_next_message(client, size, event) != RESULT_OK) {
                return RESULT_ERROR;
            }
            continue;
        }
        if (next_record(client, &size) != RESULT_OK) {
            return RESULT_ERROR;
        }
        if (size == 0) {
            return RESULT_AGAIN;
        }
        uint8_t *record = client->input + client->input_begin;
        client->input_begin += size;
        if (take_record(client, record, size, event, data) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

struct slice probe_output(const struct probe *client) {
    return (struct slice){(const char *)client->output, client->output_size};
}

void probe_sent(struct probe *client, size_t size) {
    client->output_size -= size;
    memmove(client->output, client->output + size, client->output_size);
}

static enum result send_record(struct probe *client, enum record_type type, struct slice data) {
    return client->state == PROBE_CONNECTED ? probe_put_record(client, type, data) : RESULT_ERROR;
}

enum result probe_send_data(struct probe *client, struct slice data) {
    return send_record(client, RECORD_APPLICATION_DATA, data);
}

enum result probe_send_message(struct probe *client, struct slice message) {
    return send_record(client, RECORD_HANDSHAKE, message);
}

enum result probe_send_close(struct probe *client) {
    return send_record(client, RECORD_ALERT, SLICE("\x01\x00"));
}

const struct probe_facts *probe_facts(const struct probe *client) {
    return &client->facts;
}

bool probe_is_connected(const struct probe *client) {
    return client->state == PROBE_CONNECTED;
}

size_t probe_tickets(const struct probe *client, const struct probe_ticket **tickets) {
    *tickets = client->tickets;
    return client->kept_tickets;
}

size_t probe_ticket_count(const struct probe *client) {
    return client->ticket_count;
}

const char *probe_failure(const struct probe *client) {
    return client->failure;
}
