#include "exchange/request_id.h"

#include <sys/random.h>

bool request_ids_init(struct request_ids *ids) {
    *ids = (struct request_ids){.count = 0};
    return getrandom(&ids->worker, sizeof(ids->worker), 0) == (ssize_t)sizeof(ids->worker);
}

// The finaliser of splitmix64: a permutation of 64 bits.
static uint64_t scramble(uint64_t number) {
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static void put_hex(uint64_t number, char text[16]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--) {
        text[i] = digits[number & 15];
        number >>= 4;
    }
}

void request_ids_next(struct request_ids *ids, char text[REQUEST_ID_SIZE]) {
    put_hex(ids->worker, text);
    put_hex(scramble(ids->worker ^ ids->count++), text + 16);
}

bool request_id_is_usable(struct slice id) {
    static const char signs[] = {'-', '_', '.', ':', '+', '/', '=', '@'};
    for (size_t i = 0; i < id.size; i++) {
        char lower = ascii_lower(id.data[i]);
        bool is_plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
                        memchr(signs, lower, sizeof(signs)) != NULL;
        if (!is_plain) {
            return false;
        }
    }
    return id.size > 0 && id.size <= REQUEST_ID_KEPT_MAX;
}
