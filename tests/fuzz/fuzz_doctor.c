// What servers may send to `ravelin doctor`. The first byte says what the rest is: an answer to a
// ClientHello, bytes for the TLS client, handshake messages for it, a chain of certificates, an
// OCSP response, a target, or frames of HTTP/2.
#include "base/reader.h"
#include "check.h"
#include "doctor/answer.h"
#include "doctor/connection.h"
#include "doctor/http2.h"
#include "doctor/path.h"
#include "doctor/staple.h"
#include "tls/probe/probe_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const void *begin, size_t size, struct slice part) {
    const char *start = begin;
    CHECK(part.size == 0 || (part.data >= start && part.data + part.size <= start + size));
}

static void check_printable(const char *text, size_t capacity) {
    CHECK(memchr(text, '\0', capacity) != NULL);
    for (; *text != '\0'; text++) {
        CHECK(*text >= 0x20 && *text < 0x7f);
    }
}

// --- Answers ---

static void check_answer(struct slice received, bool whole) {
    static struct flight flight;
    struct answer answer;
    char text[ANSWER_TEXT_SIZE];
    enum result result = answer_read(received, whole, &flight, &answer);
    CHECK(result == RESULT_OK || result == RESULT_AGAIN);
    CHECK(result == RESULT_AGAIN || answer.kind != ANSWER_NONE);
    CHECK(flight.size <= FLIGHT_SIZE_MAX);
    answer_text(&answer, text);
    check_printable(text, sizeof(text));
    check_inside(flight.data, flight.size, answer.hello.session_id);
    check_inside(flight.data, flight.size, answer.hello.share);
    check_inside(flight.data, flight.size, answer.hello.cookie);
    check_inside(flight.data, flight.size, answer.certificates);
    check_inside(flight.data, flight.size, answer.staple);
}

// --- The client ---

static struct probe *new_client(void) {
    static const uint16_t suites[] = {0x1301, 0x1302, 0x1303};
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256};
    static const uint16_t signatures[] = {0x0403, 0x0804, 0x0807};
    const struct probe_wishes wishes = {
        .name = SLICE("a.test"),
        .suites = NUMBERS(suites),
        .groups = NUMBERS(groups),
        .signatures = NUMBERS(signatures),
        .shares = {groups, 1},
        .modes = PSK_KE | PSK_DHE_KE,
    };
    struct probe *client = probe_new(&wishes);
    CHECK(client != NULL);
    return client;
}

static void check_client(const struct probe *client) {
    CHECK(client->transcript_size <= PROBE_TRANSCRIPT_MAX);
    CHECK(client->kept_tickets <= PROBE_TICKETS_MAX);
    CHECK(client->kept_tickets <= client->ticket_count);
    CHECK(client->output_size <= PROBE_OUTPUT_SIZE);
    CHECK(client->message_size <= sizeof(client->message));
    CHECK(client->input_begin <= client->input_end && client->input_end <= PROBE_INPUT_SIZE);
    check_inside(client->certificate, sizeof(client->certificate), client->facts.certificates);
    CHECK(memchr(client->failure, '\0', sizeof(client->failure)) != NULL);
}

static void feed_bytes(struct slice bytes) {
    struct probe *client = new_client();
    enum probe_event event;
    struct slice data;
    enum result result = RESULT_AGAIN;
    while (result != RESULT_ERROR && bytes.size > 0) {
        size_t taken = probe_feed(client, bytes.data, bytes.size);
        CHECK(taken > 0);
        bytes.data += taken;
        bytes.size -= taken;
        do {
            result = probe_advance(client, &event, &data);
            CHECK(event != PROBE_HANDSHAKE_DONE); // nobody here has the keys
            check_client(client);
        } while (result == RESULT_OK);
    }
    CHECK(probe_advance(client, &event, &data) != RESULT_OK);
    probe_free(client);
}

// The second byte: a state. Then messages, each behind two bytes of size.
static void feed_messages(struct slice bytes) {
    struct probe *client = new_client();
    struct reader reader = reader_of(bytes);
    uint32_t choice = read_number(&reader, 1);
    client->state = (enum probe_state)(choice % PROBE_OVER);
    client->facts.resumed = (choice & 0x40) != 0;
    client->facts.suite = 0x1301;
    CHECK(key_schedule_start(&client->schedule, 0x1301, SLICE("")) == RESULT_OK);
    while (reader_more(&reader) && client->state != PROBE_OVER) {
        struct slice message = read_vector(&reader, 2);
        enum probe_event event = PROBE_NOTHING;
        if (message.size < 4) {
            continue;
        }
        uint8_t *copy = malloc(message.size); // so that a byte too many is seen
        CHECK(copy != NULL);
        memcpy(copy, message.data, message.size);
        enum result result =
            probe_take_message(client, (struct slice){(const char *)copy, message.size}, &event);
        CHECK(result == RESULT_OK || (result == RESULT_ERROR && client->state == PROBE_OVER &&
                                      client->failure[0] != '\0'));
        check_client(client);
        free(copy);
    }
    probe_free(client);
}

// --- Certificates ---

static void check_certificate(struct slice der, const struct x509 *certificate) {
    char text[X509_TEXT_SIZE];
    check_inside(der.data, der.size, certificate->whole);
    check_inside(der.data, der.size, certificate->signed_part);
    check_inside(der.data, der.size, certificate->serial);
    check_inside(der.data, der.size, certificate->signature);
    check_inside(der.data, der.size, certificate->names);
    check_inside(der.data, der.size, certificate->key.modulus);
    check_inside(der.data, der.size, certificate->key.raw);
    x509_name_text(certificate->subject, text);
    check_printable(text, sizeof(text));
    x509_key_text(&certificate->key, text);
    check_printable(text, sizeof(text));
    x509_names_text(certificate, text);
    check_printable(text, sizeof(text));
    CHECK(!x509_is_for_name(certificate, SLICE("")));
    (void)x509_is_for_name(certificate, SLICE("a.test"));
    (void)x509_is_for_address(certificate, SLICE("\x7f\0\0\1"));
}

// Certificates behind two bytes of size each; the last is the one that is trusted.
static void check_chain(struct slice bytes) {
    struct reader reader = reader_of(bytes);
    struct x509 certificates[6];
    struct path path;
    size_t count = 0;
    while (reader_more(&reader) && count < 6) {
        struct slice der = read_vector(&reader, 2);
        if (x509_parse(der, &certificates[count]) == RESULT_OK) {
            check_certificate(der, &certificates[count]);
            count++;
        }
    }
    if (count == 0) {
        return;
    }
    struct trust trust = {.anchors = &certificates[count - 1], .count = 1};
    path_find(certificates, count, &trust, 1800000000, &path);
    CHECK(path.count <= PATH_MAX_LENGTH);
    CHECK(path.found ? path.anchor != NULL : path.why[0] != '\0');
    check_printable(path.why, sizeof(path.why));
}

// A response behind its certificate.
static void check_response(struct slice bytes) {
    struct reader reader = reader_of(bytes);
    struct slice der = read_vector(&reader, 2);
    struct x509 certificate;
    char text[STAPLE_TEXT_SIZE] = "";
    if (x509_parse(der, &certificate) == RESULT_OK) {
        struct slice response = {(const char *)reader.at, reader.left};
        (void)staple_judge(response, &certificate, &certificate, 1800000000, text);
        check_printable(text, sizeof(text));
    }
}

static void check_target(struct slice bytes) {
    struct target target;
    char text[512];
    if (bytes.size >= sizeof(text)) {
        return;
    }
    if (bytes.size > 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    text[bytes.size] = '\0';
    if (target_parse(text, &target) == NULL) {
        CHECK(target.host[0] != '\0' && target.port[0] != '\0');
        CHECK(target.host_is_address == (target.name[0] == '\0'));
        check_printable(target.host, sizeof(target.host));
    }
}

// --- HTTP/2 ---

// In one piece, and byte by byte: the same comes of it.
static void check_http2(struct slice received) {
    struct http2_client *clients[2];
    char text[HTTP2_CLIENT_TEXT_SIZE];
    for (size_t i = 0; i < 2; i++) {
        clients[i] = calloc(1, sizeof(*clients[i]));
        CHECK(clients[i] != NULL);
        hpack_memory_init(&clients[i]->memory, 0);
    }
    http2_client_take(clients[0], received);
    for (size_t i = 0; i < received.size; i++) {
        http2_client_take(clients[1], (struct slice){received.data + i, 1});
    }
    CHECK(clients[0]->status == clients[1]->status && clients[0]->left == clients[1]->left);
    CHECK(clients[0]->reset_count == clients[1]->reset_count);
    CHECK(clients[0]->is_bad == clients[1]->is_bad && clients[0]->status <= 999);
    for (size_t i = 0; i < 2; i++) {
        CHECK(clients[i]->have <= sizeof(clients[i]->payload));
        CHECK(clients[i]->block_size <= sizeof(clients[i]->block));
        http2_client_text(clients[i], text);
        check_printable(text, sizeof(text));
        hpack_decoder_free(&clients[i]->decoder, &clients[i]->memory);
        CHECK(clients[i]->memory.used == 0);
        free(clients[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, data, size);
    struct slice rest = {(const char *)copy + 1, size - 1};
    switch (copy[0] % 7) {
    case 0:
        check_answer(rest, false);
        check_answer(rest, true);
        break;
    case 1:
        feed_bytes(rest);
        break;
    case 2:
        feed_messages(rest);
        break;
    case 3:
        check_chain(rest);
        break;
    case 4:
        check_response(rest);
        break;
    case 5:
        check_target(rest);
        break;
    default:
        check_http2(rest);
        break;
    }
    free(copy);
    return 0;
}
