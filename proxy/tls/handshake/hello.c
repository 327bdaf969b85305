#include "tls/handshake/hello.h"

#include "base/reader.h"
#include "tls/registry.h"

enum {
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    IDENTITY_AGE_SIZE = 4,
    BINDER_SIZE_MIN = 32,
    PSK_DHE_KE = 1,
    NAME_HOST = 0,
    STATUS_OCSP = 1,
    TYPES = 1 << 16,     // of extensions
    EXTENSIONS_FEW = 48, // as many as real clients send
};

// The result of reading an extension: its syntax is wrong, or its content is.
enum verdict { FINE, BAD_SYNTAX, BAD_CONTENT };

static enum verdict fine_if(bool well_formed) {
    return well_formed ? FINE : BAD_SYNTAX;
}

// Reads a list of 2-byte numbers with its length before it, and no bytes behind.
static enum verdict parse_numbers(struct slice body, size_t length_bytes, struct slice *list) {
    struct reader reader = reader_of(body);
    *list = read_vector(&reader, length_bytes);
    return fine_if(reader_done(&reader) && list->size >= 2 && list->size % 2 == 0);
}

static enum verdict parse_empty(struct slice body, struct client_hello *hello) {
    (void)hello;
    return fine_if(body.size == 0);
}

static enum verdict parse_versions(struct slice body, struct client_hello *hello) {
    if (parse_numbers(body, 1, &hello->versions) != FINE) {
        return BAD_SYNTAX;
    }
    struct reader list = reader_of(hello->versions);
    while (reader_more(&list)) {
        hello->offers_tls13 |= read_number(&list, 2) == VERSION_TLS13;
    }
    return FINE;
}

static enum verdict parse_groups(struct slice body, struct client_hello *hello) {
    return parse_numbers(body, 2, &hello->groups);
}

static enum verdict parse_signatures(struct slice body, struct client_hello *hello) {
    if (parse_numbers(body, 2, &hello->signature_schemes) != FINE) {
        return BAD_SYNTAX;
    }
    struct reader list = reader_of(hello->signature_schemes);
    while (reader_more(&list)) {
        int index = policy_scheme_index(read_number(&list, 2));
        hello->signatures |= index < 0 ? 0 : policy_schemes[index].signature;
    }
    return FINE;
}

static enum verdict parse_certificate_signatures(struct slice body, struct client_hello *hello) {
    (void)hello;
    struct slice list;
    return parse_numbers(body, 2, &list);
}

// A name that could be a host's: letters, digits, '-', '_', '.'.
static bool is_plausible(struct slice name) {
    if (name.size > HELLO_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        char c = ascii_lower(name.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
              c == '_')) {
            return false;
        }
    }
    return true;
}

// At most one name of a kind. Future kinds have the same layout (RFC 6066 3). A name that is not a
// possible host name is well-formed, too: it is unknown, like many others.
static enum verdict parse_server_name(struct slice body, struct client_hello *hello) {
    struct reader reader = reader_of(body);
    struct reader list = reader_of(read_vector(&reader, 2));
    if (!reader_done(&reader) || list.left == 0) {
        return BAD_SYNTAX;
    }
    while (reader_more(&list)) {
        uint32_t kind = read_number(&list, 1);
        struct slice name = read_vector(&list, 2);
        if (name.size == 0) {
            return BAD_SYNTAX;
        }
        if (kind != NAME_HOST) {
            continue;
        }
        if (hello->server_name.size > 0 || hello->odd_name.size > 0) {
            return BAD_CONTENT;
        }
        *(is_plausible(name) ? &hello->server_name : &hello->odd_name) = name;
    }
    return fine_if(reader_done(&list));
}

static enum verdict parse_protocols(struct slice body, struct client_hello *hello) {
    struct reader reader = reader_of(body);
    hello->protocols = read_vector(&reader, 2);
    struct reader list = reader_of(hello->protocols);
    if (!reader_done(&reader) || list.left == 0) {
        return BAD_SYNTAX;
    }
    while (reader_more(&list)) {
        if (read_vector(&list, 1).size == 0) {
            return BAD_SYNTAX;
        }
    }
    return fine_if(reader_done(&list));
}

// Only OCSP has a standard layout. Ravelin does not read other kinds.
static enum verdict parse_status_request(struct slice body, struct client_hello *hello) {
    hello->status_request = body;
    struct reader reader = reader_of(body);
    if (read_number(&reader, 1) == STATUS_OCSP) {
        (void)read_vector(&reader, 2); // responders
        (void)read_vector(&reader, 2); // extensions of the request
        return fine_if(reader_done(&reader));
    }
    return fine_if(!reader.bad);
}

static enum verdict parse_cookie(struct slice body, struct client_hello *hello) {
    (void)hello;
    struct reader reader = reader_of(body);
    struct slice cookie = read_vector(&reader, 2);
    return fine_if(reader_done(&reader) && cookie.size > 0);
}

static enum verdict parse_psk_modes(struct slice body, struct client_hello *hello) {
    struct reader reader = reader_of(body);
    hello->psk_modes = read_vector(&reader, 1);
    for (size_t i = 0; i < hello->psk_modes.size; i++) {
        hello->offers_psk_dhe |= hello->psk_modes.data[i] == PSK_DHE_KE;
    }
    return fine_if(reader_done(&reader) && hello->psk_modes.size > 0);
}

// Identities, and a binder for each.
static enum verdict parse_pre_shared_key(struct slice body, struct client_hello *hello) {
    hello->pre_shared_key = body;
    struct reader reader = reader_of(body);
    struct reader identities = reader_of(read_vector(&reader, 2));
    struct reader binders = reader_of(read_vector(&reader, 2));
    if (!reader_done(&reader) || identities.left == 0 || binders.left == 0) {
        return BAD_SYNTAX;
    }
    size_t count = 0;
    while (reader_more(&identities)) {
        struct slice identity = read_vector(&identities, 2);
        (void)read_bytes(&identities, IDENTITY_AGE_SIZE);
        if (identity.size == 0) {
            return BAD_SYNTAX;
        }
        count++;
    }
    while (reader_more(&binders)) {
        if (read_vector(&binders, 1).size < BINDER_SIZE_MIN) {
            return BAD_SYNTAX;
        }
        count--;
    }
    if (!reader_done(&identities) || !reader_done(&binders)) {
        return BAD_SYNTAX;
    }
    return count == 0 ? FINE : BAD_CONTENT;
}

size_t hello_binders_size(const struct client_hello *hello) {
    struct reader reader = reader_of(hello->pre_shared_key);
    (void)read_vector(&reader, 2); // identities
    return reader.left;
}

// Reads the entries. hello_check_rules() checks them.
static enum verdict parse_key_shares(struct slice body, struct client_hello *hello) {
    struct reader reader = reader_of(body);
    hello->key_shares = read_vector(&reader, 2);
    struct reader list = reader_of(hello->key_shares);
    while (reader_more(&list)) {
        (void)read_number(&list, 2);
        (void)read_vector(&list, 2);
    }
    return fine_if(reader_done(&reader) && reader_done(&list));
}

// An extension that is not allowed in a ClientHello (4.2).
static enum verdict parse_misplaced(struct slice body, struct client_hello *hello) {
    (void)body, (void)hello;
    return BAD_CONTENT;
}

static const struct known_extension {
    uint16_t type;
    enum verdict (*parse)(struct slice body, struct client_hello *hello);
} known_extensions[HELLO_EXTENSION_COUNT] = {
    [HELLO_SERVER_NAME] = {HELLO_TYPE_SERVER_NAME, parse_server_name},
    [HELLO_STATUS_REQUEST] = {HELLO_TYPE_STATUS_REQUEST, parse_status_request},
    [HELLO_GROUPS] = {HELLO_TYPE_GROUPS, parse_groups},
    [HELLO_SIGNATURES] = {HELLO_TYPE_SIGNATURES, parse_signatures},
    [HELLO_PROTOCOL_NAMES] = {HELLO_TYPE_PROTOCOL_NAMES, parse_protocols},
    [HELLO_PRE_SHARED_KEY] = {HELLO_TYPE_PRE_SHARED_KEY, parse_pre_shared_key},
    [HELLO_EARLY_DATA] = {HELLO_TYPE_EARLY_DATA, parse_empty},
    [HELLO_VERSIONS] = {HELLO_TYPE_VERSIONS, parse_versions},
    [HELLO_COOKIE] = {HELLO_TYPE_COOKIE, parse_cookie},
    [HELLO_PSK_MODES] = {HELLO_TYPE_PSK_MODES, parse_psk_modes},
    [HELLO_OID_FILTERS] = {HELLO_TYPE_OID_FILTERS, parse_misplaced},
    [HELLO_POST_HANDSHAKE_AUTH] = {HELLO_TYPE_POST_HANDSHAKE_AUTH, parse_empty},
    [HELLO_CERTIFICATE_SIGNATURES] = {HELLO_TYPE_CERTIFICATE_SIGNATURES,
                                      parse_certificate_signatures},
    [HELLO_KEY_SHARES] = {HELLO_TYPE_KEY_SHARES, parse_key_shares},
};

static int find_known(uint32_t type) {
    for (int i = 0; i < HELLO_EXTENSION_COUNT; i++) {
        if (known_extensions[i].type == type) {
            return i;
        }
    }
    return -1;
}

// The extensions as a list: the place of each known one, and the last one.
struct outline {
    struct slice bodies[HELLO_EXTENSION_COUNT];
    uint32_t count;
    uint32_t last_type;
};

static bool read_outline(struct client_hello *hello, struct outline *outline) {
    struct reader list = reader_of(hello->extensions);
    while (reader_more(&list)) {
        outline->last_type = read_number(&list, 2);
        struct slice body = read_vector(&list, 2);
        outline->count++;
        int known = find_known(outline->last_type);
        if (known >= 0 && !hello_has(hello, (enum hello_extension)known)) {
            hello->present |= (uint32_t)1 << known;
            outline->bodies[known] = body;
        }
    }
    return !list.bad;
}

// Whether an extension is repeated, for long lists: with a bit for each type.
static __attribute__((noinline)) bool many_repeat(struct slice extensions) {
    uint8_t seen[TYPES / 8] = {0};
    struct reader list = reader_of(extensions);
    while (reader_more(&list)) {
        uint32_t type = read_number(&list, 2);
        (void)read_vector(&list, 2);
        if ((seen[type / 8] >> type % 8 & 1) != 0) {
            return true;
        }
        seen[type / 8] = (uint8_t)(seen[type / 8] | 1 << type % 8);
    }
    return false;
}

static bool few_repeat(struct slice extensions) {
    uint32_t types[EXTENSIONS_FEW];
    size_t count = 0;
    struct reader list = reader_of(extensions);
    while (reader_more(&list) && count < EXTENSIONS_FEW) {
        types[count] = read_number(&list, 2);
        (void)read_vector(&list, 2);
        for (size_t i = 0; i < count; i++) {
            if (types[i] == types[count]) {
                return true;
            }
        }
        count++;
    }
    return false;
}

static bool repeats(struct slice extensions, uint32_t count) {
    return count <= EXTENSIONS_FEW ? few_repeat(extensions) : many_repeat(extensions);
}

// Reads the part before the extensions, and the extensions as one block. A hello of TLS 1.2 or
// older may have none.
static bool read_start(struct slice message, struct client_hello *hello) {
    struct reader reader = reader_of(message);
    hello->legacy_version = (uint16_t)read_number(&reader, 2);
    hello->random = read_bytes(&reader, RANDOM_SIZE);
    hello->session_id = read_vector(&reader, 1);
    hello->cipher_suites = read_vector(&reader, 2);
    hello->compressions = read_vector(&reader, 1);
    hello->start = (struct slice){message.data, message.size - reader.left};
    if (reader_more(&reader)) {
        hello->extensions = read_vector(&reader, 2);
    }
    return reader_done(&reader) && hello->session_id.size <= SESSION_ID_MAX &&
           hello->cipher_suites.size >= 2 && hello->cipher_suites.size % 2 == 0 &&
           hello->compressions.size >= 1;
}

// Reads the known extensions. If several are wrong, the first one counts.
static enum verdict parse_known(struct client_hello *hello, const struct outline *outline) {
    enum verdict first = FINE;
    for (int i = 0; i < HELLO_EXTENSION_COUNT; i++) {
        if (hello_has(hello, (enum hello_extension)i)) {
            enum verdict verdict = known_extensions[i].parse(outline->bodies[i], hello);
            first = first == FINE ? verdict : first;
        }
    }
    return first;
}

// supported_versions alone decides (4.2.1), except that SSL 3.0 is always refused (D.5).
static bool offers_enough(const struct client_hello *hello) {
    return hello->offers_tls13 && hello->legacy_version > VERSION_SSL3;
}

static bool versions_are_malformed(const struct client_hello *hello,
                                   const struct outline *outline) {
    struct slice list;
    return hello_has(hello, HELLO_VERSIONS) &&
           parse_numbers(outline->bodies[HELLO_VERSIONS], 1, &list) != FINE;
}

// For a client without TLS 1.3, all other parts are only read for the log.
enum result hello_parse(struct slice message, struct client_hello *hello, struct refusal *refusal) {
    *hello = (struct client_hello){.wanted = hello_http1};
    struct outline outline = {0};
    if (!read_start(message, hello) || !read_outline(hello, &outline)) {
        return refusal_set(refusal, REFUSAL_malformed, "malformed ClientHello");
    }
    enum verdict verdict = parse_known(hello, &outline);
    if (versions_are_malformed(hello, &outline)) {
        return refusal_set(refusal, REFUSAL_malformed, "malformed supported_versions");
    }
    if (!offers_enough(hello)) {
        return refusal_set(refusal, REFUSAL_old_version, NULL);
    }
    if (repeats(hello->extensions, outline.count)) {
        return refusal_set(refusal, REFUSAL_illegal, "an extension comes twice");
    }
    if (verdict != FINE) {
        return verdict == BAD_SYNTAX
                   ? refusal_set(refusal, REFUSAL_malformed, "malformed extension")
                   : refusal_set(refusal, REFUSAL_illegal, "an extension with illegal content");
    }
    if (hello_has(hello, HELLO_PRE_SHARED_KEY) && outline.last_type != HELLO_TYPE_PRE_SHARED_KEY) {
        return refusal_set(refusal, REFUSAL_illegal, "pre_shared_key is not the last extension");
    }
    return RESULT_OK;
}

// --- What is not TLS ---

enum result hello_is_http(const uint8_t *data, size_t size) {
    static const char *const methods[] = {"GET ",     "HEAD ",  "POST ",    "PUT ",  "DELETE ",
                                          "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "};
    enum result result = RESULT_EOF;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct slice method = slice_from(methods[i]);
        size_t compared = size < method.size ? size : method.size;
        if (memcmp(data, method.data, compared) == 0) {
            if (compared == method.size) {
                return RESULT_OK;
            }
            result = RESULT_AGAIN;
        }
    }
    return result;
}

enum result hello_is_ssl2(const uint8_t *data, size_t size) {
    // A length of two bytes with the top bit set, CLIENT-HELLO, and a version.
    if (size > 0 && (data[0] & 0x80) == 0) {
        return RESULT_EOF;
    }
    if (size < 4) {
        return size < 3 || data[2] == 1 ? RESULT_AGAIN : RESULT_EOF;
    }
    return data[2] == 1 && (data[3] == 0 || data[3] == 3) ? RESULT_OK : RESULT_EOF;
}
