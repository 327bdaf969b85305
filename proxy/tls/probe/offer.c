#include "tls/probe/offer.h"

#include "tls/record/record.h"

enum {
    CLIENT_HELLO = 1,
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_STATUS_REQUEST = 5,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_EC_POINT_FORMATS = 11,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_EXTENDED_MASTER_SECRET = 23,
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_COOKIE = 44,
    EXTENSION_PSK_KEY_EXCHANGE_MODES = 45,
    EXTENSION_KEY_SHARE = 51,
    EXTENSION_RENEGOTIATION_INFO = 0xff01,
};

static void put_list(struct builder *builder, struct numbers list, size_t width) {
    size_t begin = builder_open(builder, width);
    for (size_t i = 0; i < list.count; i++) {
        builder_put(builder, list.items[i], 2);
    }
    builder_close(builder, begin, width);
}

static size_t open_extension(struct builder *builder, uint16_t type) {
    builder_put(builder, type, 2);
    return builder_open(builder, 2);
}

static void put_extension(struct builder *builder, uint16_t type, struct slice content) {
    builder_put(builder, type, 2);
    builder_put_vector(builder, content, 2);
}

static void put_list_extension(struct builder *builder, uint16_t type, struct numbers list,
                               size_t width) {
    if (list.count > 0) {
        size_t extension = open_extension(builder, type);
        put_list(builder, list, width);
        builder_close(builder, extension, 2);
    }
}

static void put_server_name(struct builder *builder, struct slice name) {
    size_t extension = open_extension(builder, EXTENSION_SERVER_NAME);
    size_t list = builder_open(builder, 2);
    builder_put(builder, 0, 1); // host_name
    builder_put_vector(builder, name, 2);
    builder_close(builder, list, 2);
    builder_close(builder, extension, 2);
}

static void put_shares(struct builder *builder, const struct offer *offer) {
    size_t extension = open_extension(builder, EXTENSION_KEY_SHARE);
    size_t list = builder_open(builder, 2);
    for (size_t i = 0; i < offer->share_count; i++) {
        builder_put(builder, offer->shares[i].group, 2);
        builder_put_vector(builder, offer->shares[i].key, 2);
    }
    builder_close(builder, list, 2);
    builder_close(builder, extension, 2);
}

static void put_modes(struct builder *builder, unsigned modes) {
    uint8_t content[3] = {0, 0, 0};
    if ((modes & PSK_KE) != 0) {
        content[++content[0]] = 0;
    }
    if ((modes & PSK_DHE_KE) != 0) {
        content[++content[0]] = 1;
    }
    put_extension(builder, EXTENSION_PSK_KEY_EXCHANGE_MODES,
                  (struct slice){(const char *)content, 1 + (size_t)content[0]});
}

static void put_psk(struct builder *builder, const struct offer *offer) {
    size_t extension = open_extension(builder, EXTENSION_PRE_SHARED_KEY);
    size_t identities = builder_open(builder, 2);
    builder_put_vector(builder, offer->psk, 2);
    builder_put(builder, offer->psk_age, 4);
    builder_close(builder, identities, 2);
    size_t binders = builder_open(builder, 2);
    builder_put(builder, offer->binder_size, 1);
    builder_put_zeros(builder, offer->binder_size);
    builder_close(builder, binders, 2);
    builder_close(builder, extension, 2);
}

size_t offer_binders_size(const struct offer *offer) {
    return offer->psk.size == 0 ? 0 : 2 + 1 + offer->binder_size;
}

static void put_extensions(struct builder *builder, const struct offer *offer) {
    if (offer->name.size > 0) {
        put_server_name(builder, offer->name);
    }
    put_list_extension(builder, EXTENSION_SUPPORTED_VERSIONS, offer->versions, 1);
    put_list_extension(builder, EXTENSION_SUPPORTED_GROUPS, offer->groups, 2);
    put_list_extension(builder, EXTENSION_SIGNATURE_ALGORITHMS, offer->signatures, 2);
    if (offer->has_shares) {
        put_shares(builder, offer);
    }
    if (offer->cookie.size > 0) {
        size_t extension = open_extension(builder, EXTENSION_COOKIE);
        builder_put_vector(builder, offer->cookie, 2);
        builder_close(builder, extension, 2);
    }
    if (offer->legacy) {
        put_extension(builder, EXTENSION_EC_POINT_FORMATS, SLICE("\x01\x00"));
        put_extension(builder, EXTENSION_EXTENDED_MASTER_SECRET, SLICE(""));
        put_extension(builder, EXTENSION_RENEGOTIATION_INFO, SLICE("\x00"));
    }
    if (offer->http2) {
        put_extension(builder, EXTENSION_ALPN, SLICE("\x00\x03\x02h2"));
    } else if (offer->http1) {
        put_extension(builder, EXTENSION_ALPN, SLICE("\x00\x09\x08http/1.1"));
    }
    if (offer->ocsp) {
        put_extension(builder, EXTENSION_STATUS_REQUEST, SLICE("\x01\x00\x00\x00\x00"));
    }
    if (offer->modes != 0) {
        put_modes(builder, offer->modes);
    }
    if (offer->early_data) {
        put_extension(builder, EXTENSION_EARLY_DATA, SLICE(""));
    }
    if (offer->psk.size > 0) { // always last, RFC 8446 4.2.11
        put_psk(builder, offer);
    }
}

void offer_write(const struct offer *offer, const uint8_t random[OFFER_RANDOM_SIZE],
                 struct builder *message) {
    builder_put(message, CLIENT_HELLO, 1);
    size_t body = builder_open(message, 3);
    builder_put(message, offer->version, 2);
    builder_put_bytes(message, random, OFFER_RANDOM_SIZE);
    builder_put_vector(message, offer->session_id, 1);
    put_list(message, offer->suites, 2);
    builder_put_vector(message, offer->compressions.size == 0 ? SLICE("\0") : offer->compressions,
                       1);
    if (offer->version > VERSION_SSL3) {
        size_t extensions = builder_open(message, 2);
        put_extensions(message, offer);
        builder_close(message, extensions, 2);
    }
    builder_close(message, body, 3);
}

void offer_write_record(uint16_t record_version, struct slice message, struct builder *output) {
    builder_put(output, RECORD_HANDSHAKE, 1);
    builder_put(output, record_version, 2);
    builder_put_vector(output, message, 2);
}

void offer_write_ssl2(uint16_t version, struct slice suites, const uint8_t random[16],
                      struct builder *output) {
    size_t record = builder_open(output, 2);
    builder_put(output, CLIENT_HELLO, 1);
    builder_put(output, version, 2);
    builder_put(output, suites.size, 2);
    builder_put(output, 0, 2);  // no session id
    builder_put(output, 16, 2); // the challenge's size
    builder_put_bytes(output, suites.data, suites.size);
    builder_put_bytes(output, random, 16);
    builder_close(output, record, 2);
    if (!output->overflow) {
        output->data[record - 2] |= 0x80; // a header of two bytes: no padding
    }
}
