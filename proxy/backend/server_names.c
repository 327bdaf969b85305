#include "backend/server_names.h"

#include "base/secret.h"
#include "tls/digest.h"

#include <assert.h>
#include <sys/random.h>

struct server_names {
    uint8_t key[DIGEST_SIZE];
};

struct server_names *server_names_new(void) {
    struct server_names *names = secret_map(sizeof(*names));
    if (names != NULL &&
        getrandom(names->key, sizeof(names->key), 0) != (ssize_t)sizeof(names->key)) {
        secret_unmap(names, sizeof(*names));
        return NULL;
    }
    return names;
}

void server_names_free(struct server_names *names) {
    if (names != NULL) {
        secret_unmap(names, sizeof(*names));
    }
}

void server_names_copy_out(const struct server_names *names, uint8_t key[SERVER_NAMES_KEY_SIZE]) {
    static_assert(SERVER_NAMES_KEY_SIZE == sizeof(names->key), "");
    secret_copy(key, names->key, sizeof(names->key));
}

void server_names_copy_in(struct server_names *names, const uint8_t key[SERVER_NAMES_KEY_SIZE]) {
    secret_copy(names->key, key, sizeof(names->key));
}

bool server_names_make(const struct server_names *names, const char *backend, const char *address,
                       uint8_t name[SERVER_NAME_SIZE]) {
    // The NUL distinguishes "ab" and "c" from "a" and "bc".
    const struct slice parts[] = {{backend, strlen(backend) + 1}, slice_from(address)};
    uint8_t mac[DIGEST_SIZE];
    if (!digest_keyed(names->key, parts, 2, mac)) {
        return false;
    }
    memcpy(name, mac, SERVER_NAME_SIZE);
    return true;
}

static const char DIGITS[] = "0123456789abcdef";

void server_name_write(const uint8_t name[SERVER_NAME_SIZE], char text[SERVER_NAME_TEXT_SIZE]) {
    for (size_t i = 0; i < SERVER_NAME_SIZE; i++) {
        text[2 * i] = DIGITS[name[i] >> 4];
        text[2 * i + 1] = DIGITS[name[i] & 15];
    }
}

bool server_name_read(struct slice text, uint8_t name[SERVER_NAME_SIZE]) {
    if (text.size != SERVER_NAME_TEXT_SIZE) {
        return false;
    }
    for (size_t i = 0; i < SERVER_NAME_TEXT_SIZE; i++) {
        const char *digit = memchr(DIGITS, text.data[i], sizeof(DIGITS) - 1);
        if (digit == NULL) {
            return false;
        }
        uint8_t value = (uint8_t)(digit - DIGITS);
        name[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : name[i / 2] | value);
    }
    return true;
}
