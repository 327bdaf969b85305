// The server's messages to the probing client (RFC 8446 4).
#include "base/clock.h"
#include "base/reader.h"
#include "base/secret.h"
#include "tls/probe/probe_internal.h"

enum {
    EXTENSION_ALPN = 16,
    EXTENSION_EARLY_DATA = 42,
    KEY_UPDATE_NOT_REQUESTED = 0,
    KEY_UPDATE_REQUESTED = 1,
};

static bool contains(struct numbers list, uint16_t number) {
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i] == number) {
            return true;
        }
    }
    return false;
}

static struct reader body_of(struct slice message) {
    return reader_of((struct slice){message.data + 4, message.size - 4});
}

// --- ServerHello ---

static enum result check_hello(struct probe *client, const struct server_hello *hello) {
    if (hello->version != VERSION_TLS13) {
        return probe_fail(client, "the server chose version 0x%04x instead of TLS 1.3",
                          hello->version);
    }
    if (!contains(client->offer.suites, hello->suite) || aead_hash_size(hello->suite) == 0) {
        return probe_fail(client, "the server chose suite 0x%04x, which was not offered",
                          hello->suite);
    }
    if (hello->compression != 0 || hello->session_id.size != 0 || hello->has_early_data) {
        return probe_fail(client, "there is something in the ServerHello that nobody asked for");
    }
    return RESULT_OK;
}

static bool has_share_for(const struct probe *client, uint16_t group) {
    for (size_t i = 0; i < client->offer.share_count; i++) {
        if (client->offer.shares[i].group == group) {
            return true;
        }
    }
    return false;
}

// After a HelloRetryRequest there is one share, early data were refused, and a PSK with another
// hash is useless.
static enum result change_offer(struct probe *client, const struct server_hello *hello) {
    if (hello->cookie.size > sizeof(client->cookie)) {
        return probe_fail(client, "a cookie of %zu bytes", hello->cookie.size);
    }
    if (hello->cookie.size > 0) {
        memcpy(client->cookie, hello->cookie.data, hello->cookie.size);
        client->offer.cookie = (struct slice){(const char *)client->cookie, hello->cookie.size};
    }
    client->offer.early_data = false;
    if (client->has_ticket &&
        aead_hash_size(client->ticket.suite) != aead_hash_size(hello->suite)) {
        client->has_ticket = false;
        client->offer.psk = (struct slice){NULL, 0};
    }
    if (!hello->has_share) {
        return hello->cookie.size > 0
                   ? RESULT_OK
                   : probe_fail(client, "a HelloRetryRequest that asks for nothing");
    }
    if (!contains(client->offer.groups, hello->group) || has_share_for(client, hello->group)) {
        return probe_fail(client, "a HelloRetryRequest asks for group 0x%04x", hello->group);
    }
    for (size_t i = 0; i < OFFER_SHARES_MAX; i++) {
        key_exchange_free(client->exchanges[i]);
        client->exchanges[i] = NULL;
    }
    client->offer.share_count = 0;
    client->exchanges[0] = key_exchange_new(hello->group);
    if (client->exchanges[0] == NULL) {
        return probe_fail(client, "this build has no group 0x%04x", hello->group);
    }
    client->offer.shares[0] =
        (struct offer_share){hello->group, key_exchange_share(client->exchanges[0])};
    client->offer.share_count = 1;
    return RESULT_OK;
}

static enum result take_retry(struct probe *client, struct slice message,
                              const struct server_hello *hello) {
    if (client->facts.retried) {
        return probe_fail(client, "a second HelloRetryRequest");
    }
    client->facts.retried = true;
    client->facts.suite = hello->suite;
    client->write.ready = false;
    client->early_keys = false;
    if (change_offer(client, hello) != RESULT_OK ||
        probe_restart_transcript(client, hello->suite) != RESULT_OK ||
        probe_transcript_add(client, message) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return probe_put_hello(client);
}

// Computes the shared secret; empty: the server resumed without a key exchange, as the client
// allowed.
static enum result agree(struct probe *client, const struct server_hello *hello,
                         uint8_t secret[KEY_SECRET_SIZE_MAX], size_t *size) {
    *size = 0;
    if (!hello->has_share) {
        if (hello->has_psk && (client->offer.modes & PSK_KE) != 0) {
            return RESULT_OK;
        }
        return probe_fail(client, "a ServerHello without a key share");
    }
    if (hello->has_psk && (client->offer.modes & PSK_DHE_KE) == 0) {
        return probe_fail(client, "a resumption in a mode that was not offered");
    }
    for (size_t i = 0; i < client->offer.share_count; i++) {
        if (client->offer.shares[i].group == hello->group) {
            client->facts.group = hello->group;
            if (key_exchange_finish(client->exchanges[i], hello->share, secret, size) !=
                RESULT_OK) {
                return probe_fail(client, "the server's key share is wrong");
            }
            return RESULT_OK;
        }
    }
    return probe_fail(client, "the server chose group 0x%04x, for which it got no key share",
                      hello->group);
}

static enum result start_handshake_keys(struct probe *client, struct slice shared) {
    uint8_t hash[HASH_SIZE_MAX];
    uint8_t secret[HASH_SIZE_MAX];
    struct slice psk = {(const char *)client->ticket.psk,
                        client->facts.resumed ? client->ticket.psk_size : 0};
    if (key_schedule_start(&client->schedule, client->facts.suite, psk) != RESULT_OK ||
        key_schedule_next(&client->schedule, shared) != RESULT_OK ||
        probe_transcript_hash(client, hash) != RESULT_OK ||
        key_schedule_derive(&client->schedule, "s hs traffic", hash, secret) != RESULT_OK ||
        probe_set_keys(client, &client->read, secret) != RESULT_OK ||
        key_schedule_derive(&client->schedule, "c hs traffic", hash, client->write_secret) !=
            RESULT_OK) {
        return probe_fail(client, "the handshake keys cannot be computed");
    }
    secret_wipe(secret, sizeof(secret));
    // With early keys, EndOfEarlyData must be sent if the server accepts early data.
    return client->early_keys ? RESULT_OK
                              : probe_set_keys(client, &client->write, client->write_secret);
}

static enum result take_hello(struct probe *client, struct slice message) {
    struct server_hello hello;
    uint8_t secret[KEY_SECRET_SIZE_MAX];
    size_t size;
    if (server_hello_parse((struct slice){message.data + 4, message.size - 4}, &hello) !=
        RESULT_OK) {
        return probe_fail(client, "a malformed ServerHello");
    }
    if (check_hello(client, &hello) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (hello.is_retry) {
        return take_retry(client, message, &hello);
    }
    if (client->facts.retried && hello.suite != client->facts.suite) {
        return probe_fail(client, "another suite than in the HelloRetryRequest");
    }
    client->facts.suite = hello.suite;
    if (hello.has_psk && (!client->has_ticket || hello.psk_index != 0 ||
                          aead_hash_size(hello.suite) != aead_hash_size(client->ticket.suite))) {
        return probe_fail(client, "a resumption that was not offered");
    }
    client->facts.resumed = hello.has_psk;
    if (agree(client, &hello, secret, &size) != RESULT_OK ||
        probe_transcript_add(client, message) != RESULT_OK) {
        return RESULT_ERROR;
    }
    enum result result = start_handshake_keys(client, (struct slice){(const char *)secret, size});
    secret_wipe(secret, sizeof(secret));
    client->state = PROBE_WAITS_EXTENSIONS;
    return result;
}

// --- The server's encrypted flight ---

static enum result take_extensions(struct probe *client, struct slice message) {
    struct reader body = body_of(message);
    struct reader list = reader_of(read_vector(&body, 2));
    bool malformed = !reader_done(&body);
    while (reader_more(&list)) {
        uint32_t type = read_number(&list, 2);
        struct slice value = read_vector(&list, 2);
        client->facts.http2 |=
            type == EXTENSION_ALPN && slice_equal(value, SLICE("\x00\x03\x02h2"));
        client->facts.early_data_accepted |= !list.bad && type == EXTENSION_EARLY_DATA;
    }
    if (malformed || list.bad) {
        return probe_fail(client, "malformed EncryptedExtensions");
    }
    if (client->facts.early_data_accepted && !client->early_keys) {
        return probe_fail(client, "the server takes early data that nobody sent");
    }
    if (client->early_keys && !client->facts.early_data_accepted) {
        client->early_keys = false;
        if (probe_set_keys(client, &client->write, client->write_secret) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    client->state = client->facts.resumed ? PROBE_WAITS_FINISHED : PROBE_WAITS_CERTIFICATE;
    return probe_transcript_add(client, message);
}

static enum result take_request(struct probe *client, struct slice message) {
    struct reader body = body_of(message);
    struct slice context = read_vector(&body, 1);
    (void)read_vector(&body, 2);
    if (!reader_done(&body) || client->facts.asked_for_certificate) {
        return probe_fail(client, "a malformed or repeated CertificateRequest");
    }
    client->facts.asked_for_certificate = true;
    client->request_context_size = context.size;
    if (context.size > 0) {
        memcpy(client->request_context, context.data, context.size);
    }
    return probe_transcript_add(client, message);
}

static enum result take_certificate(struct probe *client, struct slice message) {
    memcpy(client->certificate, message.data + 4, message.size - 4);
    struct reader body =
        reader_of((struct slice){(const char *)client->certificate, message.size - 4});
    struct slice context = read_vector(&body, 1);
    struct slice list = read_vector(&body, 3);
    if (!reader_done(&body) || context.size != 0 || list.size == 0) {
        return probe_fail(client, "a malformed or empty Certificate");
    }
    client->facts.certificates = list;
    client->state = PROBE_WAITS_VERIFY;
    return probe_transcript_add(client, message);
}

// What is signed, RFC 8446 4.4.3.
static size_t signed_content(const uint8_t *hash, size_t hash_size, uint8_t content[200]) {
    static const char context[] = "TLS 1.3, server CertificateVerify"; // and its NUL
    memset(content, ' ', 64);
    memcpy(content + 64, context, sizeof(context));
    memcpy(content + 64 + sizeof(context), hash, hash_size);
    return 64 + sizeof(context) + hash_size;
}

static enum verdict judge_signature(struct probe *client, const uint8_t *hash,
                                    struct slice signature) {
    struct signature_method method = verify_scheme(client->facts.scheme);
    struct reader list = reader_of(client->facts.certificates);
    struct slice der = read_vector(&list, 3);
    struct x509 leaf;
    uint8_t content[200];
    if (x509_parse(der, &leaf) != RESULT_OK) {
        return VERDICT_UNKNOWN;
    }
    size_t size = signed_content(hash, client->schedule.hash_size, content);
    return verify_signature(&leaf.key, method, (struct slice){(const char *)content, size},
                            signature);
}

static enum result take_verify(struct probe *client, struct slice message) {
    uint8_t hash[HASH_SIZE_MAX];
    struct reader body = body_of(message);
    client->facts.scheme = (uint16_t)read_number(&body, 2);
    struct slice signature = read_vector(&body, 2);
    if (!reader_done(&body)) {
        return probe_fail(client, "a malformed CertificateVerify");
    }
    if (probe_transcript_hash(client, hash) != RESULT_OK) {
        return RESULT_ERROR;
    }
    client->facts.signature = judge_signature(client, hash, signature);
    client->state = PROBE_WAITS_FINISHED;
    return probe_transcript_add(client, message);
}

// --- Finished, and our own last flight ---

static enum result put_message(struct probe *client, enum handshake_type type, struct slice body) {
    uint8_t storage[512];
    struct builder message = builder_over(storage, sizeof(storage));
    builder_put(&message, type, 1);
    builder_put_vector(&message, body, 3);
    struct slice whole = {(const char *)message.data, message.size};
    if (message.overflow || probe_transcript_add(client, whole) != RESULT_OK) {
        return probe_fail(client, "too much is to be sent at once");
    }
    return probe_put_record(client, RECORD_HANDSHAKE, whole);
}

static enum result put_last_flight(struct probe *client) {
    uint8_t hash[HASH_SIZE_MAX];
    uint8_t finished[HASH_SIZE_MAX];
    if (client->early_keys) {
        if (put_message(client, MESSAGE_END_OF_EARLY_DATA, SLICE("")) != RESULT_OK ||
            probe_set_keys(client, &client->write, client->write_secret) != RESULT_OK) {
            return RESULT_ERROR;
        }
        client->early_keys = false;
    }
    if (client->facts.asked_for_certificate) { // there is none: an empty list
        uint8_t storage[1 + sizeof(client->request_context) + 3];
        struct builder body = builder_over(storage, sizeof(storage));
        struct slice context = {(const char *)client->request_context,
                                client->request_context_size};
        builder_put_vector(&body, context, 1);
        builder_put(&body, 0, 3);
        if (put_message(client, MESSAGE_CERTIFICATE,
                        (struct slice){(const char *)storage, body.size}) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    if (probe_transcript_hash(client, hash) != RESULT_OK ||
        key_finished(client->schedule.suite, client->write.secret, hash, finished) != RESULT_OK) {
        return probe_fail(client, "Finished cannot be computed");
    }
    return put_message(client, MESSAGE_FINISHED,
                       (struct slice){(const char *)finished, client->schedule.hash_size});
}

static enum result take_finished(struct probe *client, struct slice message) {
    uint8_t hash[HASH_SIZE_MAX];
    uint8_t expected[HASH_SIZE_MAX];
    uint8_t probe_secret[HASH_SIZE_MAX];
    uint8_t server_secret[HASH_SIZE_MAX];
    struct key_schedule *schedule = &client->schedule;
    if (probe_transcript_hash(client, hash) != RESULT_OK ||
        key_finished(schedule->suite, client->read.secret, hash, expected) != RESULT_OK ||
        message.size - 4 != schedule->hash_size ||
        !secret_equal(message.data + 4, expected, schedule->hash_size)) {
        return probe_fail(client, "the server's Finished is wrong");
    }
    if (probe_transcript_add(client, message) != RESULT_OK ||
        probe_transcript_hash(client, hash) != RESULT_OK ||
        key_schedule_next(schedule, SLICE("")) != RESULT_OK ||
        key_schedule_derive(schedule, "c ap traffic", hash, probe_secret) != RESULT_OK ||
        key_schedule_derive(schedule, "s ap traffic", hash, server_secret) != RESULT_OK ||
        put_last_flight(client) != RESULT_OK || probe_transcript_hash(client, hash) != RESULT_OK ||
        key_schedule_derive(schedule, "res master", hash, client->resumption_secret) != RESULT_OK ||
        probe_set_keys(client, &client->read, server_secret) != RESULT_OK ||
        probe_set_keys(client, &client->write, probe_secret) != RESULT_OK) {
        return probe_fail(client, "the traffic keys cannot be computed");
    }
    secret_wipe(probe_secret, sizeof(probe_secret));
    secret_wipe(server_secret, sizeof(server_secret));
    client->state = PROBE_CONNECTED;
    return RESULT_OK;
}

// --- After the handshake ---

static bool parse_ticket(struct probe *client, struct slice message, struct probe_ticket *ticket) {
    struct reader body = body_of(message);
    *ticket =
        (struct probe_ticket){.suite = client->schedule.suite, .received_us = clock_monotonic_us()};
    ticket->lifetime_s = read_number(&body, 4);
    ticket->age_add = read_number(&body, 4);
    struct slice nonce = read_vector(&body, 1);
    struct slice data = read_vector(&body, 2);
    struct reader extensions = reader_of(read_vector(&body, 2));
    while (reader_more(&extensions)) {
        uint32_t type = read_number(&extensions, 2);
        struct reader content = reader_of(read_vector(&extensions, 2));
        if (type == EXTENSION_EARLY_DATA) {
            ticket->allows_early_data = true;
            ticket->early_data_max = read_number(&content, 4);
        }
    }
    if (!reader_done(&body) || extensions.bad || data.size == 0) {
        return false;
    }
    ticket->psk_size = client->schedule.hash_size;
    ticket->size = data.size <= sizeof(ticket->data) ? data.size : 0; // 0: too long to be kept
    memcpy(ticket->data, data.data, ticket->size);
    return key_expand_label(ticket->suite, client->resumption_secret, "resumption", nonce,
                            ticket->psk) == RESULT_OK;
}

static enum result take_ticket(struct probe *client, struct slice message,
                               enum probe_event *event) {
    struct probe_ticket ticket;
    if (!parse_ticket(client, message, &ticket)) {
        return probe_fail(client, "a malformed NewSessionTicket");
    }
    client->ticket_count++;
    if (ticket.size > 0 && client->kept_tickets < PROBE_TICKETS_MAX) {
        client->tickets[client->kept_tickets++] = ticket;
    }
    secret_wipe(&ticket, sizeof(ticket));
    *event = PROBE_TICKET;
    return RESULT_OK;
}

static enum result update_keys(struct probe *client, struct probe_keys *keys) {
    uint8_t next[HASH_SIZE_MAX];
    if (key_expand_label(client->schedule.suite, keys->secret, "traffic upd", SLICE(""), next) !=
        RESULT_OK) {
        return probe_fail(client, "the next traffic keys cannot be computed");
    }
    enum result result = probe_set_keys(client, keys, next);
    secret_wipe(next, sizeof(next));
    return result;
}

static enum result take_key_update(struct probe *client, struct slice message) {
    static const char answer[] = {MESSAGE_KEY_UPDATE, 0, 0, 1, KEY_UPDATE_NOT_REQUESTED};
    if (message.size != 5 || (uint8_t)message.data[4] > KEY_UPDATE_REQUESTED) {
        return probe_fail(client, "a malformed KeyUpdate");
    }
    if (update_keys(client, &client->read) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (message.data[4] != KEY_UPDATE_REQUESTED) {
        return RESULT_OK;
    }
    if (probe_put_record(client, RECORD_HANDSHAKE, (struct slice){answer, sizeof(answer)}) !=
        RESULT_OK) {
        return RESULT_ERROR;
    }
    return update_keys(client, &client->write);
}

enum result probe_take_message(struct probe *client, struct slice message,
                               enum probe_event *event) {
    uint8_t type = (uint8_t)message.data[0];
    enum probe_state state = client->state;
    if (message.size - 4 > PROBE_MESSAGE_MAX) {
        return probe_fail(client, "a handshake message of more than %zu bytes", PROBE_MESSAGE_MAX);
    }
    if (type == MESSAGE_SERVER_HELLO && state == PROBE_WAITS_HELLO) {
        return take_hello(client, message);
    }
    if (type == MESSAGE_ENCRYPTED_EXTENSIONS && state == PROBE_WAITS_EXTENSIONS) {
        return take_extensions(client, message);
    }
    if (type == MESSAGE_CERTIFICATE_REQUEST && state == PROBE_WAITS_CERTIFICATE) {
        return take_request(client, message);
    }
    if (type == MESSAGE_CERTIFICATE && state == PROBE_WAITS_CERTIFICATE) {
        return take_certificate(client, message);
    }
    if (type == MESSAGE_CERTIFICATE_VERIFY && state == PROBE_WAITS_VERIFY) {
        return take_verify(client, message);
    }
    if (type == MESSAGE_FINISHED && state == PROBE_WAITS_FINISHED) {
        *event = PROBE_HANDSHAKE_DONE;
        return take_finished(client, message);
    }
    if (type == MESSAGE_NEW_SESSION_TICKET && state == PROBE_CONNECTED) {
        return take_ticket(client, message, event);
    }
    if (type == MESSAGE_KEY_UPDATE && state == PROBE_CONNECTED) {
        return take_key_update(client, message);
    }
    return probe_fail(client, "an unexpected handshake message of type %u", type);
}
