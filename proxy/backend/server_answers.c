#include "backend/server_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct region_kind KIND = {"ravelin-answers", 1, REGION_WRITE};

struct head {
    _Atomic uint32_t version; // odd: the monitor is writing
    uint32_t state;
    uint32_t is_answered;
    uint32_t count;
    uint32_t found;
};

struct record {
    uint8_t bytes[16];
    uint32_t rank;
    uint32_t share;
    uint16_t port;
    uint8_t is_v6;
    uint8_t unused;
};

// --- The part ---

static size_t count_names(const struct config *config) {
    struct server_name name = {.backend = NULL};
    size_t count = 0;
    while (server_name_next(config, &name)) {
        count++;
    }
    return count;
}

// Fills `places`. Returns the size of the part.
static size_t lay_out(struct server_answers *answers, const struct config *config) {
    struct server_name name = {.backend = NULL};
    size_t at = REGION_HEAD_SIZE;
    for (size_t i = 0; i < answers->count && server_name_next(config, &name); i++) {
        size_t places = config_server_places(name.server);
        answers->places[i] =
            (struct answer_place){.head = at, .record = at + sizeof(struct head), .places = places};
        at += sizeof(struct head) + places * sizeof(struct record);
    }
    return at;
}

static size_t begin(struct server_answers *answers, const struct config *config) {
    *answers = (struct server_answers){.part = REGION_NO_PART, .count = count_names(config)};
    answers->places = calloc(answers->count + 1, sizeof(*answers->places));
    return answers->places == NULL ? 0 : lay_out(answers, config);
}

bool server_answers_make(struct server_answers *answers, const struct config *config) {
    size_t size = begin(answers, config);
    if (size == 0 || (answers->count > 0 && !region_make(&answers->part, &KIND, size))) {
        int error = size == 0 ? ENOMEM : errno;
        server_answers_close(answers);
        errno = error;
        return false;
    }
    return true;
}

bool server_answers_open(struct server_answers *answers, const struct config *config, int fd) {
    size_t size = begin(answers, config);
    bool opened = region_open(&answers->part, &KIND, fd, size > 0 ? size : 1);
    if (!opened) {
        server_answers_close(answers);
    }
    return opened;
}

void server_answers_close(struct server_answers *answers) {
    if (answers->part.data != NULL) {
        region_close(&answers->part);
    }
    free(answers->places);
    *answers = (struct server_answers){.part = REGION_NO_PART};
}

static struct head *head_of(const struct server_answers *answers, size_t name) {
    return (struct head *)(void *)(answers->part.data + answers->places[name].head);
}

static struct record *records_of(const struct server_answers *answers, size_t name) {
    return (struct record *)(void *)(answers->part.data + answers->places[name].record);
}

// --- Writing ---

static struct record write_record(const struct server_record *from) {
    struct record record = {.rank = from->rank,
                            .share = from->share,
                            .port = address_port(&from->address),
                            .is_v6 = from->address.as.any.sa_family == AF_INET6};
    if (record.is_v6 != 0) {
        memcpy(record.bytes, &from->address.as.v6.sin6_addr, 16);
    } else {
        memcpy(record.bytes, &from->address.as.v4.sin_addr, 4);
    }
    return record;
}

void server_answers_write(const struct server_answers *answers, size_t name,
                          const struct server_answer *answer) {
    struct head *head = head_of(answers, name);
    struct record *records = records_of(answers, name);
    // It is odd already if a monitor died while it was writing.
    uint32_t begun = atomic_load_explicit(&head->version, memory_order_relaxed) | 1;
    atomic_store_explicit(&head->version, begun, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    head->state = (uint32_t)answer->state;
    head->is_answered = answer->is_answered;
    head->count = (uint32_t)answer->count;
    head->found = (uint32_t)answer->found;
    for (size_t i = 0; i < answer->count; i++) {
        records[i] = write_record(&answer->records[i]);
    }
    atomic_store_explicit(&head->version, begun + 1, memory_order_release);
}

// --- Reading ---

static bool is_usable_v4(const uint8_t bytes[4]) {
    bool is_link_local = bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] != 0 && bytes[0] < 224 && !is_link_local;
}

static bool is_usable_v6(const uint8_t bytes[16]) {
    static const uint8_t zero[12];
    bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
    bool is_low = memcmp(bytes, zero, 12) == 0; // ::, ::1 and IPv4 in its former form
    bool is_loopback =
        is_low && bytes[12] == 0 && bytes[13] == 0 && bytes[14] == 0 && bytes[15] == 1;
    return bytes[0] != 0xff && !is_link_local && (!is_low || is_loopback);
}

bool server_address_is_usable(const struct address *address) {
    if (address_port(address) == 0) {
        return false;
    }
    switch (address->as.any.sa_family) {
    case AF_INET:
        return is_usable_v4((const uint8_t *)&address->as.v4.sin_addr);
    case AF_INET6:
        return is_usable_v6(address->as.v6.sin6_addr.s6_addr);
    default:
        return false;
    }
}

// An IPv4 address inside an IPv6 address becomes IPv4.
static struct address read_address(const struct record *record) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address address = {.size = 0};
    bool is_mapped = record->is_v6 != 0 && memcmp(record->bytes, mapped, sizeof(mapped)) == 0;
    if (record->is_v6 == 0 || is_mapped) {
        address.as.v4.sin_family = AF_INET;
        address.as.v4.sin_port = htons(record->port);
        memcpy(&address.as.v4.sin_addr, record->bytes + (is_mapped ? 12 : 0), 4);
        address.size = sizeof(address.as.v4);
    } else {
        address.as.v6.sin6_family = AF_INET6;
        address.as.v6.sin6_port = htons(record->port);
        memcpy(&address.as.v6.sin6_addr, record->bytes, 16);
        address.size = sizeof(address.as.v6);
    }
    return address;
}

static void read_record(const struct record *record, struct server_answer *answer) {
    const struct address address = read_address(record);
    if (!server_address_is_usable(&address)) {
        answer->first_refused = answer->refused++ == 0 ? address : answer->first_refused;
        return;
    }
    uint32_t share = record->share < 1 ? 1 : record->share;
    answer->records[answer->count++] = (struct server_record){
        .address = address,
        .rank = record->rank < UINT16_MAX ? record->rank : UINT16_MAX,
        .share = share < SERVER_SHARE_MAX ? share : SERVER_SHARE_MAX,
    };
}

enum result server_answers_read(struct server_answers *answers, size_t name,
                                struct server_answer *answer) {
    const struct head *head = head_of(answers, name);
    struct answer_place *place = &answers->places[name];
    uint32_t version = atomic_load_explicit(&head->version, memory_order_acquire);
    if (version == place->seen || version % 2 != 0) {
        return RESULT_AGAIN;
    }
    size_t count = *(const volatile uint32_t *)&head->count;
    count = count < place->places ? count : place->places;
    uint32_t state = *(const volatile uint32_t *)&head->state;
    answer->state = state < ANSWER_STATE_COUNT ? (enum answer_state)state : ANSWER_FAILED;
    answer->is_answered = head->is_answered != 0;
    answer->found = head->found;
    answer->count = answer->refused = 0;
    for (size_t i = 0; i < count; i++) {
        struct record record;
        memcpy(&record, &records_of(answers, name)[i], sizeof(record));
        read_record(&record, answer);
    }
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&head->version, memory_order_relaxed) != version) {
        return RESULT_AGAIN;
    }
    place->seen = version;
    return RESULT_OK;
}
