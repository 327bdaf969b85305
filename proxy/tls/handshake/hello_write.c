#include "base/reader.h"
#include "tls/handshake/hello.h"
#include "tls/registry.h"

enum {
    CLIENT_HELLO = 1,
    PSK_DHE_KE = 1,
    X25519_SIZE = 32,
    // A ticket of the library's: name (16), IV (16), size (2), as much as that, MAC (32).
    TICKET_SIZE_AT = 32,
    TICKET_AROUND_SIZE = 16 + 16 + 2 + 32,
    TICKET_SIZE_MAX = 1024,
    IDENTITIES_MAX = 32,
    BINDER_SIZE_MAX = 64,
    OUTPUT_MAX = 65536,
};

// An output that records whether everything fitted.
struct writer {
    struct buffer *output;
    bool failed;
};

static void write_bytes(struct writer *writer, struct slice bytes) {
    writer->failed |= !buffer_append(writer->output, bytes.data, bytes.size, OUTPUT_MAX);
}

static void write_number(struct writer *writer, uint32_t value, size_t bytes) {
    char number[4];
    for (size_t i = 0; i < bytes; i++) {
        number[i] = (char)(value >> (8 * (bytes - 1 - i)));
    }
    write_bytes(writer, (struct slice){number, bytes});
}

static void write_vector(struct writer *writer, size_t length_bytes, struct slice bytes) {
    write_number(writer, (uint32_t)bytes.size, length_bytes);
    write_bytes(writer, bytes);
}

// Begins a vector whose length is written when it is closed.
static size_t open_vector(struct writer *writer, size_t length_bytes) {
    write_number(writer, 0, length_bytes);
    return buffer_size(writer->output);
}

static void close_vector(struct writer *writer, size_t begin, size_t length_bytes) {
    if (writer->failed) {
        return;
    }
    size_t size = buffer_size(writer->output) - begin;
    uint8_t *length = buffer_bytes(writer->output) + begin - length_bytes;
    for (size_t i = 0; i < length_bytes; i++) {
        length[i] = (uint8_t)(size >> (8 * (length_bytes - 1 - i)));
    }
}

// Writes the numbers of a list that the policy has, each once.
static void write_ours(struct writer *writer, struct slice numbers, int (*index_of)(uint32_t)) {
    size_t list = open_vector(writer, 2);
    uint32_t written = 0; // bits
    struct reader reader = reader_of(numbers);
    while (reader_more(&reader)) {
        uint32_t number = read_number(&reader, 2);
        int index = index_of(number);
        if (index >= 0 && (written >> index & 1) == 0) {
            written |= (uint32_t)1 << index;
            write_number(writer, number, 2);
        }
    }
    close_vector(writer, list, 2);
}

static void write_suites(struct writer *writer, const struct client_hello *hello, uint16_t suite) {
    const char only[] = {(char)(suite >> 8), (char)suite};
    write_ours(writer, suite == 0 ? hello->cipher_suites : (struct slice){only, sizeof(only)},
               policy_suite_index);
}

static size_t open_extension(struct writer *writer, uint32_t type) {
    write_number(writer, type, 2);
    return open_vector(writer, 2);
}

static void write_name(struct writer *writer, struct slice name) {
    size_t extension = open_extension(writer, HELLO_TYPE_SERVER_NAME);
    size_t list = open_vector(writer, 2);
    write_number(writer, 0, 1); // host_name
    write_vector(writer, 2, name);
    close_vector(writer, list, 2);
    close_vector(writer, extension, 2);
}

static void write_versions(struct writer *writer) {
    size_t extension = open_extension(writer, HELLO_TYPE_VERSIONS);
    write_number(writer, 2, 1);
    write_number(writer, VERSION_TLS13, 2);
    close_vector(writer, extension, 2);
}

static void write_all_schemes(struct writer *writer) {
    size_t list = open_vector(writer, 2);
    for (int i = 0; i < POLICY_SCHEME_COUNT; i++) {
        write_number(writer, policy_schemes[i].number, 2);
    }
    close_vector(writer, list, 2);
}

// A hello with a PSK may have no signature scheme of the policy. If its PSK is left out until after
// a retry, wolfSSL must still ask for the retry. Otherwise wolfSSL must see that there is no
// scheme: 0xfe00 is unassigned.
static void write_signatures(struct writer *writer, const struct client_hello *hello,
                             bool psk_to_come) {
    if (!hello_has(hello, HELLO_SIGNATURES) && !psk_to_come) {
        return;
    }
    size_t extension = open_extension(writer, HELLO_TYPE_SIGNATURES);
    if (hello->signatures != 0) {
        write_ours(writer, hello->signature_schemes, policy_scheme_index);
    } else if (psk_to_come) {
        write_all_schemes(writer);
    } else {
        write_vector(writer, 2, SLICE("\xfe\x00"));
    }
    close_vector(writer, extension, 2);
}

static void write_groups(struct writer *writer, const struct client_hello *hello) {
    size_t extension = open_extension(writer, HELLO_TYPE_GROUPS);
    write_ours(writer, hello->groups, policy_group_index);
    close_vector(writer, extension, 2);
}

static void write_protocols(struct writer *writer, const struct client_hello *hello) {
    size_t extension = open_extension(writer, HELLO_TYPE_PROTOCOL_NAMES);
    size_t list = open_vector(writer, 2);
    write_vector(writer, 1, hello_protocol(hello));
    close_vector(writer, list, 2);
    close_vector(writer, extension, 2);
}

// Writes the share without the top bit and less than 2^255-19 (RFC 7748 5), because wolfSSL refuses
// others.
static void write_x25519(struct writer *writer, struct slice share) {
    char value[X25519_SIZE];
    struct reader reader = reader_of(share);
    bool large = true; // 2^255-19 or more
    for (size_t i = 0; i < X25519_SIZE; i++) {
        uint32_t last = i == X25519_SIZE - 1 ? 0x7f : 0xff;
        uint32_t byte = read_number(&reader, 1) & last;
        value[i] = (char)byte;
        large = large && (i == 0 ? byte >= 0xed : byte == last);
    }
    if (large) {
        uint8_t rest = (uint8_t)((uint8_t)value[0] - 0xed);
        memset(value, 0, sizeof(value));
        value[0] = (char)rest;
    }
    write_bytes(writer, (struct slice){value, sizeof(value)});
}

static void write_share(struct writer *writer, uint32_t group, struct slice share) {
    write_number(writer, group, 2);
    write_number(writer, (uint32_t)share.size, 2);
    if (group != GROUP_X25519 && group != GROUP_X25519MLKEM768) {
        write_bytes(writer, share);
        return;
    }
    size_t before = share.size - X25519_SIZE; // of ML-KEM
    write_bytes(writer, (struct slice){share.data, before});
    write_x25519(writer, (struct slice){share.data + before, X25519_SIZE});
}

static void write_shares(struct writer *writer, const struct client_hello *hello) {
    size_t extension = open_extension(writer, HELLO_TYPE_KEY_SHARES);
    size_t list = open_vector(writer, 2);
    struct reader shares = reader_of(hello->key_shares);
    while (reader_more(&shares)) {
        uint32_t group = read_number(&shares, 2);
        struct slice share = read_vector(&shares, 2);
        if (policy_group_index(group) >= 0) {
            write_share(writer, group, share);
        }
    }
    close_vector(writer, list, 2);
    close_vector(writer, extension, 2);
}

// Whether an identity has the form of a wolfSSL ticket: it contains a size, which is correct.
static bool may_be_ours(struct slice identity) {
    if (identity.size < TICKET_AROUND_SIZE || identity.size > TICKET_SIZE_MAX) {
        return false;
    }
    struct reader size = {(const uint8_t *)identity.data + TICKET_SIZE_AT, 2, false};
    return read_number(&size, 2) + TICKET_AROUND_SIZE == identity.size;
}

static bool came_before(const struct slice *identities, size_t count, struct slice identity) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(identities[i], identity)) {
            return true;
        }
    }
    return false;
}

// Writes the first identities at their places, and their binders. An identity that is not a ticket
// of Ravelin becomes a number. A binder that is too long for any hash is cut to another wrong size.
// Returns the size of the list of binders.
static size_t write_identities(struct writer *writer, const struct client_hello *hello) {
    struct reader extension = reader_of(hello->pre_shared_key);
    struct reader given = reader_of(read_vector(&extension, 2));
    struct reader binders = reader_of(read_vector(&extension, 2));
    struct slice identities[IDENTITIES_MAX];
    uint8_t count = 0;
    size_t list = open_vector(writer, 2);
    for (; count < IDENTITIES_MAX && reader_more(&given); count++) {
        identities[count] = read_vector(&given, 2);
        struct slice age = read_bytes(&given, 4);
        const char number = (char)count;
        bool passed =
            may_be_ours(identities[count]) && !came_before(identities, count, identities[count]);
        write_vector(writer, 2, passed ? identities[count] : (struct slice){&number, 1});
        write_bytes(writer, age);
    }
    close_vector(writer, list, 2);
    list = open_vector(writer, 2);
    for (uint8_t i = 0; i < count; i++) {
        struct slice binder = read_vector(&binders, 1);
        binder.size = binder.size < BINDER_SIZE_MAX ? binder.size : BINDER_SIZE_MAX;
        write_vector(writer, 1, binder);
    }
    close_vector(writer, list, 2);
    return buffer_size(writer->output) - list + 2;
}

// Writes PSKs only with a new key exchange; otherwise the hello has none. It is the last extension.
static size_t write_psk(struct writer *writer, const struct client_hello *hello) {
    size_t modes = open_extension(writer, HELLO_TYPE_PSK_MODES);
    write_number(writer, 1, 1);
    write_number(writer, PSK_DHE_KE, 1);
    close_vector(writer, modes, 2);
    size_t extension = open_extension(writer, HELLO_TYPE_PRE_SHARED_KEY);
    size_t binders_size = write_identities(writer, hello);
    close_vector(writer, extension, 2);
    return binders_size;
}

static void write_extensions(struct writer *writer, const struct client_hello *hello,
                             struct slice name, bool psk_to_come) {
    if (name.size > 0) {
        write_name(writer, name);
    }
    write_versions(writer);
    write_groups(writer, hello);
    write_shares(writer, hello);
    write_signatures(writer, hello, psk_to_come);
    if (hello_has(hello, HELLO_PROTOCOL_NAMES) && hello->wanted.count > 0) {
        write_protocols(writer, hello);
    }
    if (hello_has(hello, HELLO_STATUS_REQUEST)) {
        write_number(writer, HELLO_TYPE_STATUS_REQUEST, 2);
        write_vector(writer, 2, hello->status_request);
    }
}

bool hello_write(const struct client_hello *hello, struct slice name, uint16_t suite, bool with_psk,
                 struct buffer *output, size_t *binders_size) {
    struct writer writer = {output, false};
    write_number(&writer, CLIENT_HELLO, 1);
    size_t message = open_vector(&writer, 3);
    write_number(&writer, VERSION_TLS12, 2);
    write_bytes(&writer, hello->random);
    write_vector(&writer, 1, hello->session_id);
    write_suites(&writer, hello, suite);
    write_number(&writer, 0x0100, 2); // one compression method: none
    size_t extensions = open_vector(&writer, 2);
    bool has_psk = hello_has(hello, HELLO_PRE_SHARED_KEY) && hello->offers_psk_dhe;
    write_extensions(&writer, hello, name, has_psk && !with_psk);
    *binders_size = 0;
    if (has_psk && with_psk) {
        *binders_size = write_psk(&writer, hello);
    }
    close_vector(&writer, extensions, 2);
    close_vector(&writer, message, 3);
    return !writer.failed;
}
