// A path and its route: whatever a server does with an accepted path, it ends where the router
// said.
//
// The readings are written out once more, and plainly: every mixture of what servers are known to
// do. The first byte of the input chooses which routes there are.
#include "config/config.h"
#include "exchange/router.h"
#include "http/path.h"
#include "http_checks.h"

#define PATH_SIZE_MAX 64

enum habit {
    DECODES_TWICE = 1 << 0,
    DECODES_SLASHES = 1 << 1, // others leave "%2F" as it is
    TAKES_BACKSLASHES = 1 << 2,
    DECODES_OVERLONG = 1 << 3,
    CUTS_BEFORE = 1 << 4, // parameters, before decoding
    CUTS_AFTER = 1 << 5,
    MERGES_BEFORE = 1 << 6, // slashes, before dot segments are resolved
    MERGES_AFTER = 1 << 7,
    RESOLVES_FIRST = 1 << 8, // dot segments, before anything else
    HABITS = 1 << 9,
};

struct text {
    size_t size;
    char bytes[PATH_SIZE_MAX + 1];
};

static int hex_of(char byte) {
    return byte >= '0' && byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
}

static bool is_hex(char byte) {
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

static struct text decode(const struct text *from, unsigned habits) {
    struct text to = {.size = 0};
    for (size_t i = 0; i < from->size; i++) {
        const char *at = from->bytes + i;
        char byte = *at;
        if (byte == '%' && i + 2 < from->size && is_hex(at[1]) && is_hex(at[2])) {
            char decoded = (char)(hex_of(at[1]) * 16 + hex_of(at[2]));
            if (decoded != '/' || (habits & DECODES_SLASHES) != 0) {
                byte = decoded;
                i += 2;
            }
        }
        unsigned char last = to.size > 0 ? (unsigned char)to.bytes[to.size - 1] : 0;
        if ((habits & DECODES_OVERLONG) != 0 && (last == 0xc0 || last == 0xc1) &&
            ((unsigned char)byte & 0xc0) == 0x80) {
            to.bytes[to.size - 1] = (char)((last & 1) << 6 | (byte & 0x3f));
        } else {
            to.bytes[to.size++] = byte;
        }
    }
    return to;
}

static struct text cut_parameters(const struct text *from) {
    struct text to = {.size = 0};
    bool inside = false;
    for (size_t i = 0; i < from->size; i++) {
        inside = from->bytes[i] != '/' && (inside || from->bytes[i] == ';');
        if (!inside) {
            to.bytes[to.size++] = from->bytes[i];
        }
    }
    return to;
}

static struct text merge_slashes(const struct text *from) {
    struct text to = {.size = 0};
    for (size_t i = 0; i < from->size; i++) {
        if (from->bytes[i] != '/' || to.size == 0 || to.bytes[to.size - 1] != '/') {
            to.bytes[to.size++] = from->bytes[i];
        }
    }
    return to;
}

// A server that is led above its root has been led astray.
static struct text resolve(const struct text *from) {
    struct text to = {.size = 0};
    for (size_t i = 0; i < from->size;) {
        size_t end = i + 1;
        while (end < from->size && from->bytes[end] != '/') {
            end++;
        }
        struct slice segment = {from->bytes + i + 1, end - i - 1};
        bool up = slice_equal(segment, SLICE(".."));
        if (up) {
            CHECK(to.size > 0);
            do {
                to.size--;
            } while (to.bytes[to.size] != '/');
        }
        if (!up && !slice_equal(segment, SLICE("."))) {
            memcpy(to.bytes + to.size, from->bytes + i, end - i);
            to.size += end - i;
        } else if (end == from->size) {
            to.bytes[to.size++] = '/';
        }
        i = end;
    }
    return to;
}

static struct text read_path(struct slice path, unsigned habits) {
    struct text text = {.size = path.size};
    memcpy(text.bytes, path.data, path.size);
    text = (habits & RESOLVES_FIRST) != 0 ? resolve(&text) : text;
    text = (habits & CUTS_BEFORE) != 0 ? cut_parameters(&text) : text;
    text = decode(&text, habits);
    text = (habits & DECODES_TWICE) != 0 ? decode(&text, habits) : text;
    for (size_t i = 0; i < text.size && (habits & TAKES_BACKSLASHES) != 0; i++) {
        text.bytes[i] = text.bytes[i] == '\\' ? '/' : text.bytes[i];
    }
    text = (habits & CUTS_AFTER) != 0 ? cut_parameters(&text) : text;
    text = (habits & MERGES_BEFORE) != 0 ? merge_slashes(&text) : text;
    text = resolve(&text);
    return (habits & MERGES_AFTER) != 0 ? merge_slashes(&text) : text;
}

// The habits that can make a difference to this path.
static unsigned relevant_habits(struct slice path) {
    unsigned habits = MERGES_BEFORE | MERGES_AFTER | CUTS_BEFORE | RESOLVES_FIRST;
    if (memchr(path.data, '%', path.size) != NULL) {
        habits |= DECODES_SLASHES | TAKES_BACKSLASHES | CUTS_AFTER;
    }
    for (size_t i = 0; i + 1 < path.size; i++) {
        if (path.data[i] == '%' && path.data[i + 1] == '2') {
            habits |= DECODES_TWICE;
        }
        if (path.data[i] == 'c' || path.data[i] == 'C') {
            habits |= DECODES_OVERLONG;
        }
    }
    return habits;
}

static void check_route(struct slice path, const struct config_site *site,
                        const struct config_route *route) {
    unsigned relevant = relevant_habits(path);
    for (unsigned habits = 0; habits < HABITS; habits++) {
        if ((habits & relevant) != habits) {
            continue;
        }
        struct text text = read_path(path, habits);
        CHECK(text.size > 0 && text.bytes[0] == '/');
        CHECK(memchr(text.bytes, '\0', text.size) == NULL);
        const struct config_route *other = NULL;
        for (size_t i = 0; i < site->route_count && other == NULL; i++) {
            const struct config_route *each = &site->routes[i];
            bool fits = text.size >= each->prefix_size &&
                        memcmp(text.bytes, each->prefix, each->prefix_size) == 0;
            other = fits ? each : NULL;
        }
        if (other != route) {
            fprintf(stderr, "%.*s with %x: %.*s\n", (int)path.size, path.data, habits,
                    (int)text.size, text.bytes);
        }
        CHECK(other == route);
    }
}

static bool is_path(struct slice path) {
    for (size_t i = 0; i < path.size; i++) {
        char byte = path.data[i];
        bool encoded = byte == '%' && i + 2 < path.size && is_hex(path.data[i + 1]) &&
                       is_hex(path.data[i + 2]);
        if (byte <= ' ' || byte > '~' || byte == '?' || byte == '#' || (byte == '%' && !encoded)) {
            return false;
        }
    }
    return path.size > 0 && path.data[0] == '/';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char prefixes[][9] = {"/a/a./bb", "/a/b/", "/a.b", "/a/", "/b", "/"};
    struct config_route routes[sizeof prefixes / sizeof prefixes[0]];
    size_t count = 1 + (size > 0 ? data[0] : 0) % (sizeof routes / sizeof routes[0]);
    for (size_t i = 0; i < count; i++) {
        routes[i] =
            (struct config_route){.prefix = prefixes[i], .prefix_size = strlen(prefixes[i])};
    }
    if (size < 2 || size > PATH_SIZE_MAX) {
        return 0;
    }
    const struct config_site site = {.routes = routes, .route_count = count};
    struct slice path = copy_of((const char *)data + 1, size - 1);
    const struct config_route *route;
    if (is_path(path) && http_check_path(path) == NULL &&
        router_find_route(&site, path, false, &route) == RESULT_OK) {
        check_route(path, &site, route);
    }
    free((char *)path.data);
    return 0;
}
