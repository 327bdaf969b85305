// The ClientHello of the probing client, and the transcript that begins with it.
#include "base/clock.h"
#include "base/secret.h"
#include "tls/probe/probe_internal.h"

#include <stdio.h>

enum result probe_transcript_add(struct probe *client, struct slice bytes) {
    if (bytes.size > sizeof(client->transcript) - client->transcript_size) {
        return probe_fail(client, "the handshake is longer than %zu bytes", PROBE_TRANSCRIPT_MAX);
    }
    memcpy(client->transcript + client->transcript_size, bytes.data, bytes.size);
    client->transcript_size += bytes.size;
    return RESULT_OK;
}

enum result probe_transcript_hash(struct probe *client, uint8_t hash[HASH_SIZE_MAX]) {
    struct slice all = {(const char *)client->transcript, client->transcript_size};
    if (key_hash(client->schedule.suite, all, hash) != RESULT_OK) {
        return probe_fail(client, "the transcript cannot be hashed");
    }
    return RESULT_OK;
}

enum result probe_restart_transcript(struct probe *client, uint16_t suite) {
    uint8_t hash[HASH_SIZE_MAX];
    struct slice hello = {(const char *)client->transcript, client->transcript_size};
    size_t size = aead_hash_size(suite);
    if (key_hash(suite, hello, hash) != RESULT_OK) {
        return probe_fail(client, "the transcript cannot be hashed");
    }
    const uint8_t header[4] = {MESSAGE_MESSAGE_HASH, 0, 0, (uint8_t)size};
    memcpy(client->transcript, header, sizeof(header));
    memcpy(client->transcript + sizeof(header), hash, size);
    client->transcript_size = sizeof(header) + size;
    return RESULT_OK;
}

// The binder covers the transcript and the message up to the list of binders (RFC 8446 4.2.11.2).
static enum result put_binder(struct probe *client, struct builder *message) {
    const struct probe_ticket *ticket = &client->ticket;
    uint8_t hash[HASH_SIZE_MAX];
    uint8_t key[HASH_SIZE_MAX];
    uint8_t binder[HASH_SIZE_MAX];
    struct slice covered = {(const char *)message->data,
                            message->size - offer_binders_size(&client->offer)};
    size_t before = client->transcript_size;
    if (probe_transcript_add(client, covered) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct slice all = {(const char *)client->transcript, client->transcript_size};
    client->transcript_size = before;
    struct key_schedule early;
    uint8_t empty_hash[HASH_SIZE_MAX];
    struct slice psk = {(const char *)ticket->psk, ticket->psk_size};
    enum result result = RESULT_ERROR;
    if (key_hash(ticket->suite, all, hash) == RESULT_OK &&
        key_hash(ticket->suite, SLICE(""), empty_hash) == RESULT_OK &&
        key_schedule_start(&early, ticket->suite, psk) == RESULT_OK &&
        key_schedule_derive(&early, "res binder", empty_hash, key) == RESULT_OK &&
        key_finished(ticket->suite, key, hash, binder) == RESULT_OK) {
        memcpy(message->data + message->size - client->offer.binder_size, binder,
               client->offer.binder_size);
        result = RESULT_OK;
    }
    key_schedule_wipe(&early);
    secret_wipe(key, sizeof(key));
    return result == RESULT_OK ? RESULT_OK : probe_fail(client, "the binder cannot be computed");
}

enum result probe_put_hello(struct probe *client) {
    struct builder message = builder_over(client->hello, sizeof(client->hello));
    if (client->has_ticket) {
        int64_t age_ms = (clock_monotonic_us() - client->ticket.received_us) / 1000;
        client->offer.psk_age = (uint32_t)age_ms + client->ticket.age_add;
    }
    offer_write(&client->offer, client->random, &message);
    if (message.overflow) {
        return probe_fail(client, "the ClientHello is too long");
    }
    if (client->has_ticket && put_binder(client, &message) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct slice whole = {(const char *)message.data, message.size};
    if (probe_transcript_add(client, whole) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return probe_put_record(client, RECORD_HANDSHAKE, whole);
}
