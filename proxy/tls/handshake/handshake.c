#include "tls/handshake/handshake_internal.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

enum { PLAIN_ALERT_SIZE = RECORD_HEADER_SIZE + 2, LEVEL_FATAL = 2, MESSAGE_HEADER_SIZE = 4 };

struct handshake *handshake_new(const struct tls_contexts *contexts, struct record_engine *engine,
                                handshake_site_function choose_site, void *choose_context) {
    struct handshake *handshake = calloc(1, sizeof(*handshake));
    if (handshake != NULL) {
        handshake->contexts = contexts;
        handshake->engine = engine;
        handshake->choose_site = choose_site;
        handshake->choose_context = choose_context;
        handshake->protocols = hello_http1;
        flight_init(&handshake->flight);
    }
    return handshake;
}

bool handshake_renew(struct handshake *handshake, const struct tls_contexts *contexts,
                     void *choose_context) {
    if (handshake->ssl != NULL || handshake->identity != NULL) {
        return false;
    }
    handshake->contexts = contexts;
    handshake->choose_context = choose_context;
    return true;
}

// While wolfSSL waits for a signature, its object is in a queue of the context. wolfSSL_free() of
// 5.9.2 does not remove it, so the next handshake that waits would write to freed memory. If
// wolfSSL is told that there will be no signature, it removes the object.
static void end_waiting(struct handshake *handshake) {
    if (handshake->library_waits) {
        handshake->sign_state = SIGN_REFUSED;
        (void)wolfSSL_accept(handshake->ssl);
    }
}

void handshake_use_protocols(struct handshake *handshake, struct hello_protocols protocols) {
    handshake->protocols = protocols;
}

void handshake_free(struct handshake *handshake) {
    if (handshake == NULL) {
        return;
    }
    end_waiting(handshake);
    wolfSSL_free(handshake->ssl);
    free(handshake->facts.client);
    flight_free(&handshake->flight);
    buffer_free(&handshake->output);
    buffer_free(&handshake->first_message);
    buffer_free(&handshake->second_message);
    secret_wipe(handshake, sizeof(*handshake));
    free(handshake);
}

struct slice handshake_output(const struct handshake *handshake) {
    return (struct slice){(const char *)buffer_bytes(&handshake->output),
                          buffer_size(&handshake->output)};
}

void handshake_sent(struct handshake *handshake, size_t size) {
    buffer_take(&handshake->output, size);
}

const struct refusal *handshake_refusal(const struct handshake *handshake) {
    return &handshake->flight.refusal;
}

struct slice handshake_server_name(const struct handshake *handshake) {
    return (struct slice){handshake->facts.name, handshake->facts.name_size};
}

bool handshake_name_is_odd(const struct handshake *handshake) {
    return handshake->facts.name_is_odd;
}

const struct client_hello *handshake_hello(const struct handshake *handshake) {
    return handshake->hello.start.size > 0 ? &handshake->hello : NULL;
}

// --- Alerts ---

// After Ravelin's flight, all records have the server's application keys (RFC 8446 A.2).
static void seal_alert(struct handshake *handshake, uint8_t alert) {
    struct record_layer layer;
    uint8_t record[RECORD_ALERT_SIZE];
    uint16_t suite = (uint16_t)wolfSSL_get_current_cipher_suite(handshake->ssl);
    if (record_layer_init(&layer, suite, handshake->client_secret, handshake->server_secret, 0,
                          handshake->write_sequence, 0) == RESULT_OK &&
        record_seal_alert(&layer, handshake->engine, alert, record) == RESULT_OK) {
        (void)buffer_append(&handshake->output, record, sizeof(record), HANDSHAKE_OUTPUT_MAX);
    }
    record_layer_wipe(&layer);
}

// The only place that sends an alert. `refused`: the result that refused the handshake.
static enum result send_alert(struct handshake *handshake, enum result refused) {
    uint8_t alert = handshake->flight.refusal.alert;
    if (alert == REFUSAL_NO_ALERT) {
        return refused;
    }
    if (handshake->flight.state >= FLIGHT_PROTECTED) {
        seal_alert(handshake, alert);
    } else {
        const uint8_t record[PLAIN_ALERT_SIZE] = {RECORD_ALERT, 3, 3, 0, 2, LEVEL_FATAL, alert};
        (void)buffer_append(&handshake->output, record, sizeof(record), HANDSHAKE_OUTPUT_MAX);
    }
    return refused;
}

// --- The ClientHello ---

static void keep_name(struct handshake *handshake) {
    struct handshake_facts *facts = &handshake->facts;
    struct slice name = handshake->hello.server_name;
    facts->name_is_odd = name.size == 0 && handshake->hello.odd_name.size > 0;
    name = facts->name_is_odd ? handshake->hello.odd_name : name;
    facts->name_size = (uint8_t)(name.size < HELLO_NAME_MAX ? name.size : HELLO_NAME_MAX);
    for (size_t i = 0; i < facts->name_size; i++) {
        facts->name[i] = facts->name_is_odd ? name.data[i] : ascii_lower(name.data[i]);
    }
}

// The name, if it is a possible host name.
static struct slice host_name(const struct handshake *handshake) {
    size_t size = handshake->facts.name_is_odd ? 0 : handshake->facts.name_size;
    return (struct slice){handshake->facts.name, size};
}

// wolfSSL gets only the chosen protocol, so that it chooses the same.
static bool use_protocol(struct handshake *handshake) {
    struct slice chosen = hello_protocol(&handshake->hello);
    char name[UINT8_MAX + 1] = "";
    if (chosen.size == 0) {
        return true;
    }
    memcpy(name, chosen.data, chosen.size);
    return wolfSSL_UseALPN(handshake->ssl, name, (unsigned)chosen.size,
                           WOLFSSL_ALPN_FAILED_ON_MISMATCH) == WOLFSSL_SUCCESS;
}

static bool create_ssl(struct handshake *handshake) {
    WOLFSSL *ssl = handshake->ssl = wolfSSL_new(handshake->identity->context);
    if (ssl == NULL || !handshake_bind(handshake)) {
        return false;
    }
    bool ok = use_protocol(handshake);
    // A ticket is useless for a client that will not make a new key exchange with it (4.2.9).
    ok = ok && (handshake->hello.offers_psk_dhe || wolfSSL_no_ticket_TLSv13(ssl) == 0);
    struct slice name = host_name(handshake);
    if (ok && name.size > 0) { // so that the name is acknowledged and tickets are bound to it
        ok = wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name.data, (unsigned short)name.size) ==
             WOLFSSL_SUCCESS;
        wolfSSL_SNI_SetOptions(ssl, WOLFSSL_SNI_HOST_NAME, WOLFSSL_SNI_ANSWER_ON_MISMATCH);
    }
    return ok;
}

static struct hello_policy policy_of(const struct handshake *handshake) {
    const struct tls_contexts *contexts = handshake->contexts;
    return (struct hello_policy){.groups = contexts->groups,
                                 .group_count = contexts->group_count,
                                 .post_quantum = contexts->post_quantum_only,
                                 .signature = handshake->identity->signature};
}

// Without a name: the first site. With a name that no site has: the first site, unless such names
// are refused.
static enum result choose_identity(struct handshake *handshake) {
    size_t site = handshake->facts.name_size == 0
                      ? HANDSHAKE_NO_SITE
                      : handshake->choose_site(handshake->choose_context, host_name(handshake));
    if (site == HANDSHAKE_NO_SITE && hello_has(&handshake->hello, HELLO_SERVER_NAME) &&
        handshake->contexts->refuses_unknown_names) {
        return refusal_set(&handshake->flight.refusal, REFUSAL_unknown_name, NULL);
    }
    site = site == HANDSHAKE_NO_SITE ? 0 : site;
    handshake->facts.site_index = site;
    handshake->identity = tls_contexts_select(handshake->contexts, site, &handshake->hello);
    handshake->facts.is_own = handshake->identity != NULL && handshake->identity->is_own;
    return handshake->identity != NULL
               ? RESULT_OK
               : refusal_set(&handshake->flight.refusal, REFUSAL_internal, "out of memory");
}

// Feeds wolfSSL a hello, which moves to `kept`. If a HelloRetryRequest will follow, the PSK is left
// out, because the next hello may come without it.
static enum result pass_hello(struct handshake *handshake, const struct client_hello *hello,
                              struct buffer *kept) {
    struct transcript *transcript = &handshake->transcript;
    struct slice name = host_name(handshake);
    struct hello_policy policy = policy_of(handshake);
    struct buffer message = {0};
    flight_take_hello(&handshake->flight, kept);
    bool passed = hello_write(hello, name, handshake->retry_suite, hello_has_share(hello, &policy),
                              &message, &transcript->library_binders_size) &&
                  flight_feed(&handshake->flight,
                              (struct slice){(const char *)message.data, buffer_size(&message)});
    transcript->message = (struct slice){(const char *)buffer_bytes(kept), buffer_size(kept)};
    transcript->binders_size = hello_binders_size(hello);
    transcript->library_size = buffer_size(&message) - MESSAGE_HEADER_SIZE;
    transcript->hashed = false;
    buffer_free(&message);
    return passed ? RESULT_OK
                  : refusal_set(&handshake->flight.refusal, REFUSAL_internal, "out of memory");
}

// Checks the first hello, chooses site and certificate, and makes wolfSSL's object.
static enum result take_first_hello(struct handshake *handshake) {
    struct refusal *refusal = &handshake->flight.refusal;
    struct client_hello *hello = &handshake->hello;
    enum result result = hello_parse(flight_hello(&handshake->flight), hello, refusal);
    keep_name(handshake);
    hello->wanted = handshake->protocols;
    if (result != RESULT_OK || hello_check_rules(hello, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (choose_identity(handshake) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct hello_policy policy = policy_of(handshake);
    if (hello_check_offer(hello, &policy, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (hello_has(hello, HELLO_EARLY_DATA)) {
        flight_skip_early_data(&handshake->flight);
    }
    handshake->facts.http2 = slice_equal(hello_protocol(hello), SLICE("h2"));
    if (!create_ssl(handshake)) {
        return refusal_set(refusal, REFUSAL_internal, "out of memory");
    }
    return pass_hello(handshake, hello, &handshake->first_message);
}

// The hello after a HelloRetryRequest. A missing extension gets its own alert (9.2), for any other
// difference.
static enum result take_second_hello(struct handshake *handshake) {
    struct refusal *refusal = &handshake->flight.refusal;
    struct hello_policy policy = policy_of(handshake);
    struct client_hello second;
    if (hello_parse(flight_hello(&handshake->flight), &second, refusal) != RESULT_OK ||
        hello_check_rules(&second, refusal) != RESULT_OK ||
        hello_check_second(&handshake->hello, &second,
                           hello_common_group(&handshake->hello, &policy), refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    second.wanted = handshake->protocols;
    return pass_hello(handshake, &second, &handshake->second_message);
}

// --- Driving the library ---

// It waits for the client: its ServerHello or HelloRetryRequest was sent.
static enum result note_progress(struct handshake *handshake) {
    struct flight *flight = &handshake->flight;
    if (flight->state >= FLIGHT_PROTECTED) {
        return RESULT_AGAIN;
    }
    if (!handshake_has_keys(handshake)) {
        // wolfSSL must still send a change_cipher_spec, and does so only when called again (D.4).
        handshake->library_must_run = flight->state == FLIGHT_HELLO;
        handshake->retry_suite = (uint16_t)wolfSSL_get_current_cipher_suite(handshake->ssl);
        flight_expect_hello(flight);
        return RESULT_AGAIN;
    }
    uint16_t suite = (uint16_t)wolfSSL_get_current_cipher_suite(handshake->ssl);
    bool asked = handshake->identity->asks_certificate && !wolfSSL_session_reused(handshake->ssl);
    if (wolfSSL_GetSequenceNumber(handshake->ssl, &handshake->write_sequence) < 0 ||
        flight_protect(flight, suite, handshake->client_handshake_secret, asked) != RESULT_OK) {
        return refusal_set(&flight->refusal, REFUSAL_internal, NULL);
    }
    return RESULT_AGAIN;
}

// Enforces the site's rules for client certificates, for every result of wolfSSL.
static enum result accept_client(struct handshake *handshake) {
    const struct tls_identity *identity = handshake->identity;
    struct refusal *refusal = &handshake->flight.refusal;
    if (!identity->asks_certificate) {
        return RESULT_OK;
    }
    if (wolfSSL_session_reused(handshake->ssl) || handshake->verdict.alert != 0) {
        return refusal_set(refusal, REFUSAL_bad_certificate, NULL);
    }
    if (!handshake_proof_fits(handshake)) {
        return refusal_set(refusal, REFUSAL_illegal, HANDSHAKE_PROOF_MISFIT);
    }
    if (identity->needs_certificate && handshake->facts.client == NULL) {
        return refusal_set_with(refusal, REFUSAL_bad_certificate, ALERT_CERTIFICATE_REQUIRED,
                                "the client showed no certificate");
    }
    const uint8_t *policy =
        tls_contexts_client_policy(handshake->contexts, handshake->facts.site_index);
    memcpy(handshake->facts.client_policy, policy, sizeof(handshake->facts.client_policy));
    return RESULT_OK;
}

// Output of wolfSSL in a step that fails (its own alert, or an unsent flight) is not sent.
static enum result run_library(struct handshake *handshake) {
    size_t sendable = buffer_size(&handshake->output);
    handshake->library_must_run = false;
    if (wolfSSL_accept(handshake->ssl) == WOLFSSL_SUCCESS) {
        enum result result = accept_client(handshake);
        handshake->is_complete = result == RESULT_OK;
        return result;
    }
    int error = wolfSSL_get_error(handshake->ssl, 0);
    if (error == WC_PENDING_E) {
        return RESULT_AGAIN;
    }
    if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE) {
        return note_progress(handshake);
    }
    buffer_cut(&handshake->output, sendable);
    return handshake_refuse_error(handshake, error);
}

// RESULT_OK: wolfSSL has input.
static enum result read_client(struct handshake *handshake, uint8_t *data, size_t size,
                               size_t *used) {
    struct flight *flight = &handshake->flight;
    size_t taken;
    enum result result = flight_read(flight, handshake->engine, data + *used, size - *used, &taken);
    *used += taken;
    if (result != RESULT_OK || flight->state >= FLIGHT_PROTECTED) {
        return result;
    }
    return flight->state == FLIGHT_HELLO ? take_first_hello(handshake)
                                         : take_second_hello(handshake);
}

static enum result advance(struct handshake *handshake, uint8_t *data, size_t size, size_t *used) {
    for (;;) {
        if (handshake_waits_for_signature(handshake)) {
            return RESULT_AGAIN;
        }
        enum result result = RESULT_OK;
        if (!handshake->library_must_run) {
            result = read_client(handshake, data, size, used);
        }
        if (result == RESULT_OK) {
            result = run_library(handshake);
            if (result == RESULT_AGAIN) {
                continue;
            }
        }
        return result;
    }
}

enum result handshake_advance(struct handshake *handshake, uint8_t *data, size_t size,
                              size_t *used) {
    *used = 0;
    if (handshake->flight.refusal.reason != REFUSAL_NONE) {
        return RESULT_ERROR;
    }
    if (handshake->is_complete) {
        return RESULT_OK;
    }
    // A caller without bytes has no pointer either, and an offset to NULL is undefined in C.
    uint8_t none;
    enum result result = advance(handshake, data == NULL ? &none : data, size, used);
    return result == RESULT_ERROR ? send_alert(handshake, result) : result;
}

struct sign_request *handshake_wants_signature(struct handshake *handshake) {
    if (handshake->sign_state != SIGN_WANTED) {
        return NULL;
    }
    handshake->sign_state = SIGN_WAITING;
    return &handshake->request;
}

bool handshake_waits_for_signature(const struct handshake *handshake) {
    return handshake->sign_state == SIGN_WANTED || handshake->sign_state == SIGN_WAITING;
}

void handshake_give_signature(struct handshake *handshake, const uint8_t *signature, size_t size) {
    handshake->library_must_run = true;
    if (size == 0 || size > sizeof(handshake->signature)) {
        handshake->sign_state = SIGN_REFUSED;
        return;
    }
    memcpy(handshake->signature, signature, size);
    handshake->signature_size = size;
    handshake->sign_state = SIGN_READY;
}

// --- The hand-over ---

enum result handshake_finish(struct handshake *handshake, struct record_layer *layer,
                             struct handshake_facts *facts) {
    word64 read_sequence = 0;
    word64 write_sequence = 0;
    uint16_t suite = (uint16_t)wolfSSL_get_current_cipher_suite(handshake->ssl);
    enum result result = RESULT_ERROR;
    if (wolfSSL_GetPeerSequenceNumber(handshake->ssl, &read_sequence) >= 0 &&
        wolfSSL_GetSequenceNumber(handshake->ssl, &write_sequence) >= 0) {
        const struct record_keys client = {handshake->client_secret,
                                           wolfSSL_GetClientWriteKey(handshake->ssl),
                                           wolfSSL_GetClientWriteIV(handshake->ssl)};
        const struct record_keys server = {handshake->server_secret,
                                           wolfSSL_GetServerWriteKey(handshake->ssl),
                                           wolfSSL_GetServerWriteIV(handshake->ssl)};
        result = record_layer_init_with_keys(layer, suite, &client, &server, read_sequence,
                                             write_sequence, 0);
    }
    if (result == RESULT_OK) {
        *facts = handshake->facts;
        // The layer has only suites of the policy.
        facts->suite = &policy_suites[policy_suite_index(suite)];
        facts->group = policy_group_named(wolfSSL_get_curve_name(handshake->ssl));
        facts->resumed = wolfSSL_session_reused(handshake->ssl) != 0;
        handshake->facts.client = NULL; // moved
    }
    handshake_free(handshake);
    return result;
}
