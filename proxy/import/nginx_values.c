#include "config/field.h"
#include "config/host.h"
#include "import/nginx_internal.h"

#include "base/network.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void *import_add(struct import *import, void *items, size_t *count, size_t *capacity, size_t size) {
    char *array;
    memcpy(&array, items, sizeof(array));
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        char *grown = nginx_alloc(&import->tree, *capacity * size);
        if (*count > 0) {
            memcpy(grown, array, *count * size);
        }
        array = grown;
        memcpy(items, &array, sizeof(array));
    }
    return array + (*count)++ * size;
}

// --- Texts ---

bool import_can_quote(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || (c[0] == '$' && c[1] == '{')) {
            return false;
        }
    }
    return text[0] != '\0';
}

bool import_quote(FILE *out, const char *text) {
    if (!import_can_quote(text)) {
        return false;
    }
    (void)fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*c, out);
    }
    (void)fputc('"', out);
    return true;
}

bool import_has_variable(const char *text) {
    return strchr(text, '$') != NULL;
}

enum { EXPAND_MAX = 4096 }; // bytes

// Whether `set` gives a variable this value wherever a block has one.
static bool sets_only(const struct nginx_directive *block, const char *name, const char *value) {
    for (size_t i = 0; i < block->inner_count; i++) {
        const struct nginx_directive *inner = block->inner[i];
        size_t size = strlen(inner->name);
        bool sets = strcmp(inner->name, "set") == 0 ||
                    (size > 4 && strcmp(inner->name + size - 4, "_set") == 0);
        if ((sets && strcmp(nginx_argument(inner, 0), name) == 0 &&
             strcmp(nginx_argument(inner, 1), value) != 0) ||
            !sets_only(inner, name, value)) {
            return false;
        }
    }
    return true;
}

// The only value of a variable, from an effective `set` of the block. NULL: not only one.
static const char *constant(struct nginx_directive *block, const char *name) {
    const char *value = NULL;
    struct nginx_directive *level = block;
    for (;; level = level->outer) {
        for (size_t i = 0; i < level->inner_count; i++) {
            const struct nginx_directive *set = level->inner[i];
            if (strcmp(set->name, "set") == 0 && strcmp(nginx_argument(set, 0), name) == 0) {
                value = nginx_argument(set, 1);
            }
        }
        if (level->outer == NULL || strcmp(level->name, "server") == 0) {
            break;
        }
    }
    return value != NULL && !import_has_variable(value) && sets_only(level, name, value) ? value
                                                                                         : NULL;
}

const char *import_expand(struct import *import, struct nginx_directive *block, const char *text) {
    const char *done = "";
    if (strlen(text) > EXPAND_MAX) {
        return text;
    }
    while (*text != '\0') {
        size_t plain = strcspn(text, "$");
        bool has_braces = text[plain] == '$' && text[plain + 1] == '{';
        const char *name = text + plain + (text[plain] == '$') + has_braces;
        size_t size =
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        const char *end = name + size + (has_braces && name[size] == '}');
        const char *value =
            size == 0 ? NULL
                      : constant(block, nginx_format(&import->tree, "$%.*s", (int)size, name));
        size_t kept = value == NULL ? (size_t)(end - text) : plain;
        done = nginx_format(&import->tree, "%s%.*s%s", done, (int)kept, text,
                            value == NULL ? "" : value);
        text = end;
    }
    return done;
}

bool import_is_field(const char *name, const char *value) {
    char *line = NULL;
    char *text = NULL;
    bool ok = !import_has_variable(value) && import_can_quote(value) &&
              asprintf(&text, "%s: %s", name, value) >= 0 && field_parse(text, &line) == NULL;
    free(text);
    free(line);
    return ok;
}

// --- Quantities ---

bool import_number(const char *text, uint64_t *number) {
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    *number = strtoull(text, &end, 10);
    return *end == '\0' && strlen(text) < 16;
}

static uint64_t unit_of(const char **at) {
    static const struct {
        const char *name;
        uint64_t milliseconds;
    } units[] = {{"ms", 1},       {"s", 1000},      {"m", 60000},      {"h", 3600000},
                 {"d", 86400000}, {"w", 604800000}, {"M", 2592000000}, {"y", 31536000000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(*at, units[i].name, size) == 0) {
            *at += size;
            return units[i].milliseconds;
        }
    }
    return 0;
}

const char *import_time(struct import *import, const char *text, uint64_t least, uint64_t most) {
    uint64_t total = 0;
    const char *at = text;
    while (*at != '\0') {
        char *end;
        if (*at < '0' || *at > '9' || strlen(text) > 32) {
            return NULL;
        }
        uint64_t number = strtoull(at, &end, 10);
        at = end;
        uint64_t unit = *at == '\0' ? 1000 : unit_of(&at);
        if (unit == 0 || number > 1000000000) {
            return NULL;
        }
        total += number * unit;
    }
    if (text[0] == '\0') {
        return NULL;
    }
    total = total < least ? least : total > most ? most : total;
    return total % 1000 == 0 ? nginx_format(&import->tree, "%" PRIu64 "s", total / 1000)
                             : nginx_format(&import->tree, "%" PRIu64 "ms", total);
}

bool import_size(const char *text, uint64_t *size) {
    char *end;
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 12) {
        return false;
    }
    *size = strtoull(text, &end, 10);
    unsigned shift = *end == 'k' || *end == 'K'   ? 10
                     : *end == 'm' || *end == 'M' ? 20
                     : *end == 'g' || *end == 'G' ? 30
                                                  : 0;
    *size <<= shift;
    return end[shift > 0] == '\0';
}

const char *import_size_text(struct import *import, uint64_t size) {
    static const char units[] = {'\0', 'k', 'm', 'g'};
    size_t unit = 0;
    while (unit < 3 && size > 0 && size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    return nginx_format(&import->tree, unit == 0 ? "%" PRIu64 : "%" PRIu64 "%c", size, units[unit]);
}

// --- Addresses ---

static bool is_port(const char *text) {
    uint64_t port;
    return import_number(text, &port) && port > 0 && port <= 65535;
}

static bool is_host(struct slice host) {
    struct network network;
    const char *why;
    if (host.size > 2 && host.data[0] == '[') {
        host = (struct slice){host.data + 1, host.size - 2};
    }
    return memchr(host.data, '/', host.size) == NULL &&
           network_parse(host, &network, &why) == RESULT_OK;
}

bool import_is_network(const char *text) {
    struct network network;
    const char *why;
    return network_parse(slice_from(text), &network, &why) == RESULT_OK;
}

// Host and port of a text; the port is "" if there is none.
static struct slice split(const char *text, const char **port) {
    const char *colon = strrchr(text, ':');
    const char *bracket = strrchr(text, ']');
    if (colon == NULL || (bracket != NULL && bracket > colon)) {
        *port = "";
        return slice_from(text);
    }
    *port = colon + 1;
    return (struct slice){text, (size_t)(colon - text)};
}

const char *import_listen_address(struct import *import, const char *text) {
    const char *port;
    if (is_port(text)) {
        return nginx_format(&import->tree, "0.0.0.0:%s", text);
    }
    struct slice host = split(text, &port);
    port = port[0] == '\0' ? "80" : port;
    if (slice_equal(host, SLICE("*"))) {
        host = SLICE("0.0.0.0");
    } else if (slice_equal(host, SLICE("localhost"))) {
        host = SLICE("127.0.0.1");
    }
    return is_host(host) && is_port(port)
               ? nginx_format(&import->tree, "%.*s:%s", (int)host.size, host.data, port)
               : NULL;
}

// A DNS name with a dot, so that it is not the name of a missing upstream.
static bool is_name(struct import *import, struct slice host) {
    char canonical[HOST_TEXT_SIZE];
    const char *name = nginx_format(&import->tree, "%.*s", (int)host.size, host.data);
    return strchr(name, '.') != NULL && host_canonical(name, false, canonical) == NULL;
}

const char *import_server_address(struct import *import, const char *text) {
    const char *port;
    if (strncmp(text, "unix:/", 6) == 0) {
        return import_can_quote(text) ? text : NULL;
    }
    struct slice host = split(text, &port);
    port = port[0] == '\0' ? "80" : port;
    if (slice_equal(host, SLICE("localhost"))) {
        host = SLICE("127.0.0.1");
    }
    return (is_host(host) || is_name(import, host)) && is_port(port)
               ? nginx_format(&import->tree, "%.*s:%s", (int)host.size, host.data, port)
               : NULL;
}

// --- What is left out ---

void import_note(struct import *import, struct nginx_directive *directive, const char *text) {
    for (size_t i = 0; i < import->note_count; i++) {
        if (import->notes[i].directive == directive && strcmp(import->notes[i].text, text) == 0) {
            return;
        }
    }
    struct import_note *note = import_add(import, &import->notes, &import->note_count,
                                          &import->note_capacity, sizeof(*note));
    *note = (struct import_note){directive, text};
    directive->is_done = true;
}

struct nginx_directive *import_found(struct nginx_directive *block, const char *name) {
    struct nginx_directive *level = nginx_level(block, name);
    return level == NULL ? NULL : nginx_find(level, name);
}

struct nginx_directive *import_inherit(struct nginx_directive *block, const char *name) {
    struct nginx_directive *level = nginx_level(block, name);
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        if (strcmp(level->inner[i]->name, name) == 0) {
            import_done(level->inner[i]);
        }
    }
    return level;
}
