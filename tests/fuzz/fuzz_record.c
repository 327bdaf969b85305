// Drives one record layer by the input: records of a client that holds the right keys (whatever is
// in them), damaged records and plain rubbish come in between calls that seal. The client's end is
// kept beside it, so that what the layer does can be checked against what it promises. Its AES-GCM
// is wolfCrypt's, that of the layer is the one this machine is best at: they must agree.
#include "base/secret.h"
#include "check.h"
#include "tls/record/aead.h"
#include "tls/record/record.h"

#include <stdlib.h>
#include <string.h>

enum operation { OPEN_RUBBISH, OPEN, OPEN_DAMAGED, OPEN_LARGE, SEAL, SEAL_KEY_UPDATE, SEAL_ALERT };
enum { OPERATION_COUNT = SEAL_ALERT + 1 };

struct input {
    const uint8_t *data;
    size_t size;
};

struct side {
    uint8_t secret[RECORD_SECRET_MAX];
    uint8_t key[32];
    uint8_t iv[AEAD_NONCE_SIZE];
    uint64_t sequence;
};

struct run {
    struct record_engine *engine, *client_engine;
    struct record_layer layer;
    uint16_t suite;
    struct side sends, receives; // the client's
    bool alert_sealed;
    uint8_t record[RECORD_SIZE_MAX + 1];
    size_t size;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t take_byte(struct input *input) {
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static size_t take_bytes(struct input *input, uint8_t *output, size_t size) {
    if (size > input->size) {
        size = input->size;
    }
    if (size > 0) {
        memcpy(output, input->data, size);
    }
    input->data += size;
    input->size -= size;
    return size;
}

// --- The client ---

static void derive(const struct run *run, struct side *side) {
    CHECK(aead_expand_label(run->suite, side->secret, "key", side->key,
                            aead_key_size(run->suite)) == RESULT_OK);
    CHECK(aead_expand_label(run->suite, side->secret, "iv", side->iv, sizeof(side->iv)) ==
          RESULT_OK);
    side->sequence = 0;
}

static void update(const struct run *run, struct side *side) {
    uint8_t next[RECORD_SECRET_MAX] = {0};
    CHECK(aead_expand_label(run->suite, side->secret, "traffic upd", next,
                            aead_hash_size(run->suite)) == RESULT_OK);
    memcpy(side->secret, next, sizeof(next));
    derive(run, side);
}

static void make_nonce(struct side *side, uint8_t nonce[AEAD_NONCE_SIZE]) {
    memcpy(nonce, side->iv, AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++) {
        nonce[4 + i] = (uint8_t)(nonce[4 + i] ^ (uint8_t)(side->sequence >> (56 - 8 * i)));
    }
    side->sequence++;
}

// Makes a record of the inner plaintext that lies at its place in run->record already.
static void client_seal(struct run *run, size_t inner_size) {
    uint8_t nonce[AEAD_NONCE_SIZE];
    size_t body_size = inner_size + RECORD_TAG_SIZE;
    const uint8_t header[] = {23, 3, 3, (uint8_t)(body_size >> 8), (uint8_t)body_size};
    memcpy(run->record, header, sizeof(header));
    make_nonce(&run->sends, nonce);
    CHECK(aead_seal(run->client_engine, run->suite, run->sends.key, nonce, run->record,
                    run->record + sizeof(header), inner_size,
                    run->record + sizeof(header) + inner_size) == RESULT_OK);
    run->size = sizeof(header) + body_size;
}

static uint8_t client_open(struct run *run, uint8_t *record, size_t size) {
    uint8_t nonce[AEAD_NONCE_SIZE];
    size_t inner_size = size - RECORD_HEADER_SIZE - RECORD_TAG_SIZE;
    uint8_t *inner = record + RECORD_HEADER_SIZE;
    CHECK(record[0] == 23 && record[1] == 3 && record[2] == 3);
    CHECK(((size_t)record[3] << 8 | record[4]) == size - RECORD_HEADER_SIZE);
    make_nonce(&run->receives, nonce);
    CHECK(aead_open(run->client_engine, run->suite, run->receives.key, nonce, record, inner,
                    inner_size, inner + inner_size) == RESULT_OK);
    return inner[inner_size - 1];
}

// --- The layer ---

// Whether opening must give this content: nothing stands in the way, and the inner plaintext is
// proper data.
static bool must_give(const struct record_layer *before, const uint8_t *inner, size_t inner_size,
                      size_t *content_size) {
    if (before->failed || before->closed_read || before->message_size > 0 ||
        before->read.sequence > before->read.limit || inner_size > RECORD_PAYLOAD_MAX + 1) {
        return false;
    }
    while (inner_size > 0 && inner[inner_size - 1] == 0) {
        inner_size--;
    }
    *content_size = inner_size - 1;
    return inner_size > 1 && inner[inner_size - 1] == RECORD_APPLICATION_DATA;
}

static enum result open_record(struct run *run, enum record_event *event, uint8_t **payload,
                               size_t *payload_size) {
    const struct record_layer before = run->layer;
    const struct record_layer *layer = &run->layer;
    size_t measured;
    enum result result = record_measure(&run->layer, run->record, run->size, &measured);
    *event = RECORD_EVENT_NONE;
    *payload = NULL;
    if (result == RESULT_OK && measured > run->size) {
        return RESULT_AGAIN;
    }
    if (result == RESULT_OK) {
        CHECK(measured == 0 || measured >= RECORD_HEADER_SIZE);
        if (measured == 0) {
            return RESULT_AGAIN;
        }
        run->size = measured;
        result = record_open(&run->layer, run->engine, run->record, run->size, event, payload,
                             payload_size);
    }
    CHECK((result == RESULT_ERROR) == (layer->failed && (before.failed || layer->peer_alert == 0)));
    CHECK((result == RESULT_EOF) == (!before.failed && before.closed_read));
    CHECK(!before.failed || memcmp(&before, layer, sizeof(before)) == 0);
    CHECK(result != RESULT_ERROR || before.failed || layer->alert != 0);
    CHECK(layer->empty_records <= RECORD_EMPTY_MAX && layer->key_updates <= RECORD_KEY_UPDATES_MAX);
    CHECK(layer->failed || layer->message_size < sizeof(layer->message));
    CHECK(memcmp(&before.write, &layer->write, sizeof(before.write)) == 0);
    if (result != RESULT_OK || *event != RECORD_EVENT_DATA) {
        CHECK(*payload == NULL);
        return result;
    }
    CHECK(*payload == run->record + RECORD_HEADER_SIZE && *payload_size > 0);
    CHECK(*payload_size <= run->size - RECORD_OVERHEAD && *payload_size <= RECORD_PAYLOAD_MAX);
    return result;
}

static void open_authentic(struct run *run, size_t inner_size) {
    static uint8_t inner[RECORD_BODY_MAX];
    const struct record_layer before = run->layer;
    enum record_event event;
    uint8_t *payload;
    size_t payload_size = 0, content_size = 0;
    memcpy(inner, run->record + RECORD_HEADER_SIZE, inner_size);
    client_seal(run, inner_size);
    enum result result = open_record(run, &event, &payload, &payload_size);
    CHECK(result != RESULT_AGAIN);
    if (must_give(&before, inner, inner_size, &content_size)) {
        CHECK(result == RESULT_OK && event == RECORD_EVENT_DATA && payload_size == content_size);
    }
    if (event == RECORD_EVENT_DATA) {
        CHECK(inner[payload_size] == RECORD_APPLICATION_DATA);
        CHECK(memcmp(payload, inner, payload_size) == 0);
    }
    CHECK(run->layer.alert != ALERT_BAD_RECORD_MAC || before.alert == ALERT_BAD_RECORD_MAC);
    if (result == RESULT_OK && run->layer.read.sequence == 0) { // a KeyUpdate
        update(run, &run->sends);
        CHECK(memcmp(&run->layer.read.secret, run->sends.secret, RECORD_SECRET_MAX) == 0);
    }
}

static void open_damaged(struct run *run, size_t inner_size, struct input *input) {
    enum record_event event;
    uint8_t *payload;
    size_t payload_size;
    const struct side sends = run->sends;
    const bool done = run->layer.failed || run->layer.closed_read;
    client_seal(run, inner_size);
    size_t at = (size_t)(take_byte(input) << 8 | take_byte(input)) % run->size;
    run->record[at] ^= (uint8_t)(1 + take_byte(input) % 255);
    enum result result = open_record(run, &event, &payload, &payload_size);
    CHECK(result != RESULT_OK);
    if (!done && result == RESULT_AGAIN) { // now it looks longer than it is: it was not opened
        run->sends = sends;
    }
}

static void seal(struct run *run, size_t size, uint8_t type) {
    static uint8_t copy[RECORD_PAYLOAD_MAX];
    uint8_t *payload = run->record + RECORD_HEADER_SIZE;
    const struct record_layer before = run->layer;
    memcpy(copy, payload, size);
    enum result result = record_seal(&run->layer, run->engine, (enum record_type)type, payload,
                                     size, run->record, payload + size + 1);
    if (result != RESULT_OK) {
        CHECK(memcmp(&before, &run->layer, sizeof(before)) == 0);
        CHECK(result == RESULT_ERROR || record_wants_key_update(&before));
        CHECK(result == RESULT_AGAIN || before.failed || before.closed_write ||
              type != RECORD_APPLICATION_DATA);
        return;
    }
    CHECK(!before.failed && !before.closed_write && !record_wants_key_update(&before));
    CHECK(before.write.sequence == run->receives.sequence);
    CHECK(before.write.sequence < before.write.limit);
    CHECK(client_open(run, run->record, size + RECORD_OVERHEAD) == type);
    CHECK(memcmp(payload, copy, size) == 0);
}

static void seal_key_update(struct run *run) {
    uint8_t record[RECORD_KEY_UPDATE_SIZE];
    const struct record_layer before = run->layer;
    if (record_seal_key_update(&run->layer, run->engine, record) != RESULT_OK) {
        CHECK(before.failed || before.closed_write);
        return;
    }
    CHECK(!before.failed && !before.closed_write && !record_wants_key_update(&run->layer));
    CHECK(client_open(run, record, sizeof(record)) == RECORD_HANDSHAKE);
    update(run, &run->receives);
    CHECK(memcmp(run->layer.write.secret, run->receives.secret, RECORD_SECRET_MAX) == 0);
}

static void seal_alert(struct run *run, uint8_t alert) {
    uint8_t record[RECORD_ALERT_SIZE];
    const bool closed = run->layer.closed_write;
    enum result result = record_seal_alert(&run->layer, run->engine, alert, record);
    CHECK(result == (closed ? RESULT_EOF : RESULT_OK));
    if (result == RESULT_OK) {
        CHECK(!run->alert_sealed);
        CHECK(client_open(run, record, sizeof(record)) == RECORD_ALERT);
        CHECK(record[RECORD_HEADER_SIZE + 1] == alert);
    }
    run->alert_sealed = run->alert_sealed || result == RESULT_OK;
    CHECK(run->layer.closed_write && !record_wants_key_update(&run->layer));
}

// --- The input ---

static void step(struct run *run, struct input *input) {
    uint8_t operation = take_byte(input) % OPERATION_COUNT;
    uint8_t *payload = run->record + RECORD_HEADER_SIZE;
    enum record_event event;
    size_t size;
    switch (operation) {
    case OPEN_RUBBISH:
        run->size = take_bytes(input, run->record, take_byte(input));
        (void)open_record(run, &event, &payload, &size);
        break;
    case OPEN:
        open_authentic(run, take_bytes(input, payload, take_byte(input)));
        break;
    case OPEN_DAMAGED:
        open_damaged(run, take_bytes(input, payload, take_byte(input)), input);
        break;
    case OPEN_LARGE:
        size = (size_t)(take_byte(input) << 8 | take_byte(input)) %
               (RECORD_BODY_MAX - RECORD_TAG_SIZE + 1);
        memset(payload, take_byte(input), size);
        payload[size / 2] = take_byte(input);
        open_authentic(run, size);
        break;
    case SEAL:
        size = (size_t)(take_byte(input) << 8 | take_byte(input)) % (RECORD_PAYLOAD_MAX + 1);
        memset(payload, take_byte(input), size);
        seal(run, size, take_byte(input) % 4 == 0 ? RECORD_HANDSHAKE : RECORD_APPLICATION_DATA);
        break;
    case SEAL_KEY_UPDATE:
        seal_key_update(run);
        break;
    default:
        seal_alert(run, take_byte(input));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct run run; // too large for the stack
    struct input input = {data, size};
    run = (struct run){.engine = run.engine, .client_engine = run.client_engine};
    if (run.engine == NULL) {
        run.engine = record_engine_new();
        run.client_engine = aead_engine_new(NULL);
        CHECK(run.engine != NULL && run.client_engine != NULL);
    }
    run.suite = (uint16_t)(SUITE_AES_128_GCM_SHA256 + take_byte(&input) % 3);
    memset(run.sends.secret, 1, aead_hash_size(run.suite));
    memset(run.receives.secret, 2, aead_hash_size(run.suite));
    derive(&run, &run.sends);
    derive(&run, &run.receives);
    CHECK(record_layer_init(&run.layer, run.suite, run.sends.secret, run.receives.secret, 0, 0,
                            take_byte(&input)) == RESULT_OK);
    while (input.size > 0) {
        step(&run, &input);
    }
    record_layer_wipe(&run.layer);
    return 0;
}
