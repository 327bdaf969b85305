// What a client sends up to its Finished, as records of any kind, in pieces of any size: nothing is
// read past the bytes that arrived, the answer does not depend on the pieces, and the library is
// fed whole messages of allowed types.
//
// The first two bytes choose: whether a HelloRetryRequest was sent, whether keys are used, early
// data were offered, and a certificate asked for; and the size of the pieces. With keys, what
// follows is a list of records to be sealed: a type, two bytes of length, the content.
#include "check.h"
#include "tls/handshake/flight.h"
#include "tls/record/aead.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_MAX = 200000, SECOND = 1, KEYS = 2, EARLY = 4, CERTIFICATE = 8, GARBAGE = 16 };

static const uint8_t SECRET[RECORD_SECRET_MAX] = "a secret that both have";

struct outcome {
    enum result result;
    struct refusal refusal;
    size_t used;
    size_t hello_size;
    size_t fed;
    uint8_t last_type;
};

// The records of the list, sealed one by one; or, with GARBAGE, as they are.
static size_t make_stream(struct record_engine *engine, const uint8_t *data, size_t size,
                          unsigned choice, uint8_t *stream) {
    if ((choice & KEYS) == 0 || (choice & GARBAGE) != 0) {
        size = size < STREAM_MAX ? size : STREAM_MAX;
        memcpy(stream, data, size);
        return size;
    }
    struct record_layer client;
    CHECK(record_layer_init(&client, SUITE_AES_128_GCM_SHA256, SECRET, SECRET, 0, 0, 0) ==
          RESULT_OK);
    uint8_t nonce[AEAD_NONCE_SIZE];
    size_t end = 0;
    for (uint8_t number = 0; size >= 3 && number < 100; number++) {
        size_t length = (size_t)(data[1] & 0x3f) << 8 | data[2];
        length = length < size - 3 ? length : size - 3;
        if (end + length + RECORD_OVERHEAD > STREAM_MAX) {
            break;
        }
        uint8_t *record = stream + end;
        size_t body = length + RECORD_TAIL_SIZE;
        const uint8_t header[] = {23, 3, 3, (uint8_t)(body >> 8), (uint8_t)body};
        memcpy(record, header, sizeof(header));
        memcpy(record + 5, data + 3, length);
        record[5 + length] = data[0];
        memcpy(nonce, client.write.iv, sizeof(nonce));
        nonce[AEAD_NONCE_SIZE - 1] = (uint8_t)(nonce[AEAD_NONCE_SIZE - 1] ^ number);
        CHECK(aead_seal(engine, client.suite, client.write.key, nonce, record, record + 5,
                        length + 1, record + 6 + length) == RESULT_OK);
        end += length + RECORD_OVERHEAD;
        data += 3 + length;
        size -= 3 + length;
    }
    return end;
}

static void begin(struct flight *flight, unsigned choice) {
    flight_init(flight);
    if ((choice & EARLY) != 0) {
        flight_skip_early_data(flight);
    }
    if ((choice & KEYS) != 0) {
        flight->begun = true;
        CHECK(flight_protect(flight, SUITE_AES_128_GCM_SHA256, SECRET,
                             (choice & CERTIFICATE) != 0) == RESULT_OK);
    } else if ((choice & SECOND) != 0) {
        flight->begun = true;
        flight_expect_hello(flight);
    }
}

static void look_at_feed(struct record_engine *engine, struct flight *flight,
                         struct record_layer *library, struct outcome *outcome) {
    while (buffer_size(&flight->feed) > 0) {
        uint8_t *record = buffer_bytes(&flight->feed), type, *content;
        size_t content_size, record_size = 5 + ((size_t)record[3] << 8 | record[4]);
        CHECK(record_size <= buffer_size(&flight->feed));
        CHECK(record_reveal(library, engine, record, record_size, &type, &content, &content_size) ==
              RESULT_OK);
        CHECK(type == RECORD_HANDSHAKE && content_size > 0);
        outcome->fed += content_size;
        buffer_take(&flight->feed, record_size);
    }
}

static struct outcome run(struct record_engine *engine, const uint8_t *stream, size_t size,
                          unsigned choice, size_t piece) {
    struct flight flight;
    struct outcome outcome = {.result = RESULT_AGAIN};
    struct record_layer library;
    CHECK(record_layer_init(&library, SUITE_AES_128_GCM_SHA256, SECRET, SECRET, 0, 0, 0) ==
          RESULT_OK);
    begin(&flight, choice);
    size_t arrived = 0;
    bool more = false; // there may be something in what has arrived
    while (outcome.result == RESULT_AGAIN && (more || arrived < size)) {
        if (!more) {
            arrived = size - arrived < piece ? size : arrived + piece;
        }
        size_t there = arrived - outcome.used;
        uint8_t *copy = malloc(there == 0 ? 1 : there);
        CHECK(copy != NULL);
        memcpy(copy, stream + outcome.used, there);
        size_t used;
        outcome.result = flight_read(&flight, engine, copy, there, &used);
        CHECK(used <= there);
        outcome.used += used;
        free(copy);
        more = outcome.result == RESULT_OK;
        if (more && flight.state >= FLIGHT_PROTECTED) {
            CHECK(buffer_size(&flight.feed) > 0);
            look_at_feed(engine, &flight, &library, &outcome);
            outcome.result = flight.state == FLIGHT_DONE ? RESULT_OK : RESULT_AGAIN;
        }
    }
    CHECK(outcome.result != RESULT_EOF);
    CHECK((outcome.result == RESULT_ERROR) == (flight.refusal.reason != REFUSAL_NONE));
    CHECK(buffer_size(&flight.message) <= 4 + HELLO_SIZE_MAX);
    if (outcome.result == RESULT_OK && flight.state < FLIGHT_PROTECTED) {
        outcome.hello_size = flight_hello(&flight).size;
        CHECK(outcome.hello_size <= HELLO_SIZE_MAX);
    }
    CHECK(flight.state != FLIGHT_DONE || outcome.fed >= 4 + 32);
    outcome.refusal = flight.refusal;
    outcome.last_type = flight.last_type;
    flight_free(&flight);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct record_engine *engine;
    static uint8_t stream[STREAM_MAX];
    if (engine == NULL) {
        engine = record_engine_new();
        CHECK(engine != NULL);
    }
    if (size < 2) {
        return 0;
    }
    size_t stream_size = make_stream(engine, data + 2, size - 2, data[0], stream);
    struct outcome whole = run(engine, stream, stream_size, data[0], SIZE_MAX);
    struct outcome pieces = run(engine, stream, stream_size, data[0], (size_t)data[1] + 1);
    CHECK(whole.result == pieces.result);
    CHECK(whole.refusal.reason == pieces.refusal.reason);
    CHECK(whole.refusal.alert == pieces.refusal.alert);
    CHECK(whole.hello_size == pieces.hello_size);
    CHECK(whole.fed == pieces.fed);
    CHECK(whole.last_type == pieces.last_type);
    CHECK(whole.result != RESULT_OK || whole.used == pieces.used);
    return 0;
}
