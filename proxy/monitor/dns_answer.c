#include "monitor/dns_answer.h"

#include "base/slice.h"

#include <string.h>

enum {
    HEAD_SIZE = 12,
    LABEL_MAX = 63,
    NAME_MAX_SIZE = 255, // RFC 1035 2.3.4
    POINTER = 0xc0,
    CLASS_IN = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    SRV_FIXED = 6,
    SOA_FIXED = 20,
};

struct message {
    const uint8_t *data;
    size_t size;
    size_t at;
};

struct record {
    char owner[HOST_TEXT_SIZE];
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    size_t data; // offset
    size_t size; // of the data
};

// --- Pieces ---

static bool take(struct message *message, size_t size, uint32_t *number) {
    if (size > message->size - message->at) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        *number = *number << 8 | message->data[message->at++];
    }
    return true;
}

static bool take16(struct message *message, uint16_t *number) {
    uint32_t wide;
    bool whole = take(message, 2, &wide);
    *number = whole ? (uint16_t)wide : 0;
    return whole;
}

// Adds a label to the text of a name. False: it is too long, or has bytes that no text can have.
static bool put_label(char text[HOST_TEXT_SIZE], size_t *size, const uint8_t *label, size_t bytes) {
    if (*size + bytes + 2 > HOST_TEXT_SIZE) {
        return false;
    }
    if (*size > 0) {
        text[(*size)++] = '.';
    }
    for (size_t i = 0; i < bytes; i++) {
        if (label[i] <= ' ' || label[i] > '~' || label[i] == '.') {
            return false;
        }
        text[(*size)++] = ascii_lower((char)label[i]);
    }
    text[*size] = '\0';
    return true;
}

// Reads a name into `text` ("" is the root), and moves behind it. False: malformed. A name that
// cannot be written as text becomes "?", which matches no name. Names behind pointers are limited,
// because many records can point to the same bytes, and each record would read all of them.
static bool take_name(struct message *message, char text[HOST_TEXT_SIZE]) {
    size_t at = message->at;
    size_t size = 0;
    size_t walked = 0; // bytes of labels
    bool shown = true;
    text[0] = '\0';
    for (unsigned jumps = 0; at < message->size;) {
        size_t bytes = message->data[at];
        if ((bytes & POINTER) == POINTER) {
            if (at + 2 > message->size || jumps == DNS_JUMPS_MAX) {
                return false;
            }
            message->at = jumps++ == 0 ? at + 2 : message->at;
            at = (bytes & ~(size_t)POINTER) << 8 | message->data[at + 1];
            continue;
        }
        if (bytes > LABEL_MAX || bytes >= message->size - at) {
            return false;
        }
        walked += bytes + 1;
        if (jumps > 0 && walked > NAME_MAX_SIZE) {
            return false;
        }
        at += bytes + 1;
        message->at = jumps == 0 ? at : message->at;
        if (bytes == 0) {
            if (!shown) {
                memcpy(text, "?", sizeof("?"));
            }
            return true;
        }
        shown = shown && put_label(text, &size, message->data + at - bytes, bytes);
    }
    return false;
}

static bool take_record(struct message *message, struct record *record) {
    uint16_t size;
    if (!take_name(message, record->owner) || !take16(message, &record->type) ||
        !take16(message, &record->class) || !take(message, 4, &record->ttl_s) ||
        !take16(message, &size) || size > message->size - message->at) {
        return false;
    }
    record->ttl_s = record->ttl_s > INT32_MAX ? 0 : record->ttl_s; // RFC 2181 8
    record->data = message->at;
    record->size = size;
    message->at += size;
    return true;
}

// Moves to the first record. False: malformed.
static bool skip_questions(struct message *message, uint16_t *answers, uint16_t *authorities) {
    uint16_t questions;
    uint32_t ignored;
    char name[HOST_TEXT_SIZE];
    message->at = 4; // behind the id and the flags, which c-ares has checked
    if (message->size < HEAD_SIZE || !take16(message, &questions) || !take16(message, answers) ||
        !take16(message, authorities) || !take(message, 2, &ignored)) {
        return false;
    }
    for (; questions > 0; questions--) {
        if (!take_name(message, name) || !take(message, 4, &ignored)) {
            return false;
        }
    }
    return true;
}

static void note_ttl(struct dns_answer *answer, uint32_t ttl_s) {
    answer->ttl_s = answer->has_ttl && answer->ttl_s < ttl_s ? answer->ttl_s : ttl_s;
    answer->has_ttl = true;
}

// --- CNAME ---

// Replaces `name` by the target of its CNAME record. RESULT_AGAIN: it has none.
static enum result follow_once(const struct message *first, uint16_t answers,
                               char name[HOST_TEXT_SIZE], struct dns_answer *answer) {
    struct message message = *first;
    for (; answers > 0; answers--) {
        struct record record;
        if (!take_record(&message, &record)) {
            return RESULT_ERROR;
        }
        if (record.type == TYPE_CNAME && record.class == CLASS_IN &&
            strcmp(record.owner, name) == 0) {
            struct message target = {message.data, record.data + record.size, record.data};
            note_ttl(answer, record.ttl_s);
            return take_name(&target, name) ? RESULT_OK : RESULT_ERROR;
        }
    }
    return RESULT_AGAIN;
}

// Replaces `name` by the name at the end of its CNAME chain.
static bool follow(const struct message *first, uint16_t answers, char name[HOST_TEXT_SIZE],
                   struct dns_answer *answer) {
    for (unsigned i = 0; i < DNS_CHAIN_MAX; i++) {
        enum result result = follow_once(first, answers, name, answer);
        if (result != RESULT_OK) {
            return result == RESULT_AGAIN;
        }
    }
    return false;
}

// --- Records ---

static bool put_address(struct dns_answer *answer, const struct message *message,
                        const struct record *record, size_t size) {
    struct dns_address *address = &answer->addresses[answer->count];
    if (record->size != size) {
        return false;
    }
    *address = (struct dns_address){{0}};
    memcpy(address->bytes, message->data + record->data, size);
    answer->count++;
    return true;
}

// Skips a target that is not a host name, for example the root, which means that the service does
// not exist (RFC 2782).
static bool put_service(struct dns_answer *answer, const struct message *message,
                        const struct record *record) {
    struct dns_service *service = &answer->services[answer->count];
    struct message data = {message->data, record->data + record->size, record->data};
    char target[HOST_TEXT_SIZE];
    if (record->size <= SRV_FIXED || !take16(&data, &service->priority) ||
        !take16(&data, &service->weight) || !take16(&data, &service->port) ||
        !take_name(&data, target)) {
        return false;
    }
    bool is_host = target[0] != '\0' && target[0] != '[' &&
                   host_canonical(target, false, service->target) == NULL;
    answer->count += is_host && service->port != 0;
    return true;
}

static bool put_record(struct dns_answer *answer, const struct message *message,
                       const struct record *record) {
    if (answer->count == DNS_RECORDS_MAX) {
        return true;
    }
    note_ttl(answer, record->ttl_s);
    switch (record->type) {
    case DNS_A:
        return put_address(answer, message, record, 4);
    case DNS_AAAA:
        return put_address(answer, message, record, 16);
    default:
        return put_service(answer, message, record);
    }
}

// --- Negative answers ---

static bool take_negative_ttl(struct message *message, uint16_t authorities,
                              struct dns_answer *answer) {
    for (; authorities > 0; authorities--) {
        struct record record;
        if (!take_record(message, &record)) {
            return false;
        }
        if (record.type == TYPE_SOA && record.size >= SOA_FIXED) {
            struct message data = {message->data, record.data + record.size,
                                   record.data + record.size - 4};
            uint32_t minimum = 0;
            (void)take(&data, 4, &minimum);
            note_ttl(answer, record.ttl_s < minimum ? record.ttl_s : minimum);
        }
    }
    return true;
}

enum result dns_answer_read(const uint8_t *data, size_t size, const char *name, enum dns_type type,
                            struct dns_answer *answer) {
    struct message message = {data, size, 0};
    uint16_t answers;
    uint16_t authorities;
    char last[HOST_TEXT_SIZE] = "";
    answer->ttl_s = 0;
    answer->has_ttl = false;
    answer->count = 0;
    strncpy(last, name, sizeof(last) - 1);
    if (!skip_questions(&message, &answers, &authorities) ||
        !follow(&message, answers, last, answer)) {
        return RESULT_ERROR;
    }
    for (; answers > 0; answers--) {
        struct record record;
        if (!take_record(&message, &record)) {
            return RESULT_ERROR;
        }
        bool wanted = record.type == (uint16_t)type && record.class == CLASS_IN &&
                      strcmp(record.owner, last) == 0;
        if (wanted && !put_record(answer, &message, &record)) {
            return RESULT_ERROR;
        }
    }
    return answer->count > 0 || take_negative_ttl(&message, authorities, answer) ? RESULT_OK
                                                                                 : RESULT_ERROR;
}
