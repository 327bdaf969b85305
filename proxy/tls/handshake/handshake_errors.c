#include "tls/handshake/handshake_internal.h"

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

// The meaning of wolfSSL's errors for the client. Ravelin checks its messages first, so most of
// these errors are about facts that only wolfSSL can find: points off their curve, proofs,
// certificates.
static const struct {
    int error;
    enum refusal_reason reason;
    uint8_t alert; // 0: the reason's
} meanings[] = {
    {BAD_BINDER, REFUSAL_bad_proof, 0},
    {VERIFY_FINISHED_ERROR, REFUSAL_bad_proof, 0},
    {SIG_VERIFY_E, REFUSAL_bad_proof, 0},
    {VERIFY_SIGN_ERROR, REFUSAL_bad_proof, 0},

    {PEER_KEY_ERROR, REFUSAL_illegal, 0},
    {ECC_PEERKEY_ERROR, REFUSAL_illegal, 0},
    {BAD_KEY_SHARE_DATA, REFUSAL_illegal, 0},
    {ECC_OUT_OF_RANGE_E, REFUSAL_illegal, 0},
    {PUBLIC_KEY_E, REFUSAL_illegal, 0},
    {PSK_KEY_ERROR, REFUSAL_illegal, 0},
    {INVALID_PARAMETER, REFUSAL_illegal, 0},
    {HRR_COOKIE_ERROR, REFUSAL_illegal, 0},
    {DUPLICATE_TLS_EXT_E, REFUSAL_illegal, 0},
    {EXT_NOT_ALLOWED, REFUSAL_illegal, 0},

    {BUFFER_ERROR, REFUSAL_malformed, 0},
    {BUFFER_E, REFUSAL_malformed, 0},
    {PARSE_ERROR, REFUSAL_malformed, 0},
    {LENGTH_ERROR, REFUSAL_malformed, 0},
    {INCOMPLETE_DATA, REFUSAL_missing_extension, 0},
    {EXT_MISSING, REFUSAL_missing_extension, 0},
    {VERSION_ERROR, REFUSAL_old_version, 0},
    {UNKNOWN_ALPN_PROTOCOL_NAME_E, REFUSAL_no_protocol, 0},
    {MATCH_SUITE_ERROR, REFUSAL_no_parameters, 0},
    {MISSING_HANDSHAKE_DATA, REFUSAL_no_parameters, 0},
    {BAD_TICKET_MSG_SZ, REFUSAL_library, 0}, // a TLS 1.2 ticket beyond its bound
    {HANDSHAKE_SIZE_ERROR, REFUSAL_library, 0},

    {OUT_OF_ORDER_E, REFUSAL_unexpected, 0},
    {DUPLICATE_MSG_E, REFUSAL_unexpected, 0},
    {SANITY_MSG_E, REFUSAL_unexpected, 0},
    {SIDE_ERROR, REFUSAL_unexpected, 0},
    {UNKNOWN_HANDSHAKE_TYPE, REFUSAL_unexpected, 0},
    {NO_PEER_VERIFY, REFUSAL_unexpected, 0},

    {NO_PEER_CERT, REFUSAL_bad_certificate, ALERT_CERTIFICATE_REQUIRED},
    {INVALID_CERT_CTX_E, REFUSAL_illegal, 0},
    {MAX_CHAIN_ERROR, REFUSAL_bad_certificate, 0},
    {ASN_PARSE_E, REFUSAL_bad_certificate, 0},
    {ASN_VERSION_E, REFUSAL_bad_certificate, 0},
    {ASN_AFTER_DATE_E, REFUSAL_bad_certificate, ALERT_CERTIFICATE_EXPIRED},
    {ASN_BEFORE_DATE_E, REFUSAL_bad_certificate, ALERT_CERTIFICATE_EXPIRED},
    {ASN_NO_SIGNER_E, REFUSAL_bad_certificate, ALERT_UNKNOWN_CA},
    {ASN_SELF_SIGNED_E, REFUSAL_bad_certificate, ALERT_UNKNOWN_CA},
    {CRL_CERT_REVOKED, REFUSAL_bad_certificate, ALERT_CERTIFICATE_REVOKED},
    {CRL_MISSING, REFUSAL_bad_certificate, ALERT_CERTIFICATE_UNKNOWN},
    {CRL_CERT_DATE_ERR, REFUSAL_bad_certificate, ALERT_CERTIFICATE_UNKNOWN},

    {NO_PRIVATE_KEY, REFUSAL_signer, 0},
    {MEMORY_E, REFUSAL_internal, 0},
    {MEMORY_ERROR, REFUSAL_internal, 0},
};

bool handshake_proof_fits(const struct handshake *handshake) {
    const struct client_identity *client = handshake->facts.client;
    uint16_t scheme = handshake->flight.proof_scheme;
    return client == NULL || scheme == 0 || client_auth_scheme_fits(client->key, scheme);
}

enum result handshake_refuse_error(struct handshake *handshake, int error) {
    struct refusal *refusal = &handshake->flight.refusal;
    if (handshake->verdict.alert != 0) {
        return refusal_set_with(refusal, REFUSAL_bad_certificate, handshake->verdict.alert,
                                handshake->verdict.why);
    }
    if (!handshake_proof_fits(handshake)) {
        return refusal_set(refusal, REFUSAL_illegal, HANDSHAKE_PROOF_MISFIT);
    }
    const char *text = wolfSSL_ERR_reason_error_string((unsigned long)error);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].error == error) {
            return meanings[i].alert == 0
                       ? refusal_set(refusal, meanings[i].reason, text)
                       : refusal_set_with(refusal, meanings[i].reason, meanings[i].alert, text);
        }
    }
    // An unknown error: uses the alert that wolfSSL would have sent, if any.
    WOLFSSL_ALERT_HISTORY alerts;
    if (wolfSSL_get_alert_history(handshake->ssl, &alerts) == WOLFSSL_SUCCESS &&
        alerts.last_tx.code > 0) {
        return refusal_set_with(refusal, REFUSAL_library, (uint8_t)alerts.last_tx.code, text);
    }
    return refusal_set(refusal, REFUSAL_internal, text);
}
