#include "config/users_file.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Costs of bcrypt: 2^cost rounds.
enum { BCRYPT_COST_MIN = 5, BCRYPT_COST_GOOD = 10, BCRYPT_COST_MAX = 14, BCRYPT_SIZE = 60 };
enum { SHA512_ROUNDS_MIN = 5000, SHA512_ROUNDS_MAX = 500000 };
enum { SHA512_SALT_MAX = 16, SHA512_HASH_SIZE = 86, YESCRYPT_HASH_SIZE = 43 };
enum { YESCRYPT_SALT_MAX = 86 };

#define USE_HTPASSWD "use bcrypt: htpasswd -B -C 10 FILE NAME"

// --- Hashes ---

static bool is_letter(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '/';
}

static bool are_letters(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!is_letter(text.data[i])) {
            return false;
        }
    }
    return true;
}

static bool begins(struct slice text, const char *with) {
    size_t size = strlen(with);
    return text.size >= size && memcmp(text.data, with, size) == 0;
}

static struct slice behind(struct slice text, size_t size) {
    return (struct slice){text.data + size, text.size - size};
}

// Removes the part up to the next '$', and the '$'. False: no '$'.
static bool take_part(struct slice *text, struct slice *part) {
    const char *end = text->size == 0 ? NULL : memchr(text->data, '$', text->size);
    if (end == NULL) {
        return false;
    }
    *part = (struct slice){text->data, (size_t)(end - text->data)};
    *text = behind(*text, part->size + 1);
    return true;
}

// 0: not a number, or one of more than 9 digits.
static unsigned number_of(struct slice digits) {
    unsigned number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || digits.size > 9) {
            return 0;
        }
        number = number * 10 + (unsigned)(digits.data[i] - '0');
    }
    return number;
}

// "$2b$10$", 22 characters of salt and 31 of the hash.
static const char *check_bcrypt(struct slice hash, bool *is_fast) {
    if (hash.size != BCRYPT_SIZE || hash.data[3] != '$' || hash.data[6] != '$' ||
        !are_letters(behind(hash, 7))) {
        return "the bcrypt hash is damaged";
    }
    unsigned cost = number_of((struct slice){hash.data + 4, 2});
    if (cost < BCRYPT_COST_MIN) {
        return "the cost of the bcrypt hash is less than 5; " USE_HTPASSWD;
    }
    *is_fast = cost < BCRYPT_COST_GOOD;
    return cost > BCRYPT_COST_MAX ? "the cost of the bcrypt hash is more than 14: a check takes "
                                    "seconds; " USE_HTPASSWD
                                  : NULL;
}

// "$y$j9T$", salt, "$", hash. The parameters are those of costs 4 to 7 of mkpasswd and passwd.
static const char *check_yescrypt(struct slice hash) {
    static const char *const accepted[] = {"j8T", "j9T", "jAT", "jBT"};
    struct slice rest = behind(hash, 3);
    struct slice parameters;
    struct slice salt;
    if (!take_part(&rest, &parameters) || !take_part(&rest, &salt) || salt.size == 0 ||
        salt.size > YESCRYPT_SALT_MAX || !are_letters(salt) || rest.size != YESCRYPT_HASH_SIZE ||
        !are_letters(rest)) {
        return "the yescrypt hash is damaged";
    }
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        if (slice_equal(parameters, slice_from(accepted[i]))) {
            return NULL;
        }
    }
    return "the cost of the yescrypt hash is not one of 4 to 7; " USE_HTPASSWD;
}

// "$6$", perhaps "rounds=N$", salt, "$", hash.
static const char *check_sha512(struct slice hash) {
    struct slice rest = behind(hash, 3);
    struct slice salt;
    if (begins(rest, "rounds=")) {
        struct slice rounds;
        if (!take_part(&rest, &rounds)) {
            return "the SHA-512 hash is damaged";
        }
        unsigned number = number_of(behind(rounds, 7));
        if (number < SHA512_ROUNDS_MIN || number > SHA512_ROUNDS_MAX) {
            return "the rounds of the SHA-512 hash are not 5000 to 500000; " USE_HTPASSWD;
        }
    }
    return take_part(&rest, &salt) && salt.size > 0 && salt.size <= SHA512_SALT_MAX &&
                   are_letters(salt) && rest.size == SHA512_HASH_SIZE && are_letters(rest)
               ? NULL
               : "the SHA-512 hash is damaged";
}

static const char *name_weak(struct slice hash) {
    static const struct {
        const char *begin;
        const char *what;
    } kinds[] = {
        {"$apr1$", "MD5 ($apr1$)"},
        {"$1$", "MD5 ($1$)"},
        {"$5$", "SHA-256 crypt ($5$)"},
        {"$2$", "a bcrypt with a known fault ($2$)"},
        {"$2x$", "a bcrypt with a known fault ($2x$)"},
        {"{SHA}", "SHA-1 ({SHA})"},
        {"{SSHA}", "SHA-1 ({SSHA})"},
        {"{PLAIN}", "a plain password"},
        {"$", "a kind of hash that Ravelin does not know"},
        {"{", "a kind of hash that Ravelin does not know"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (begins(hash, kinds[i].begin)) {
            return kinds[i].what;
        }
    }
    return hash.size == 13 && are_letters(hash) ? "DES crypt, or a plain password"
                                                : "a plain password, or no hash";
}

// Writes the reason why a hash is refused. True: it is accepted.
static bool check_hash(struct users_entry *entry, char why[USERS_WHY_SIZE]) {
    struct slice hash = entry->hash;
    const char *fault;
    entry->is_fast = false;
    if (begins(hash, "$2a$") || begins(hash, "$2b$") || begins(hash, "$2y$")) {
        fault = check_bcrypt(hash, &entry->is_fast);
    } else if (begins(hash, "$y$")) {
        fault = check_yescrypt(hash);
    } else if (begins(hash, "$6$")) {
        fault = check_sha512(hash);
    } else {
        (void)snprintf(why, USERS_WHY_SIZE, "%s is not accepted; " USE_HTPASSWD, name_weak(hash));
        return false;
    }
    (void)snprintf(why, USERS_WHY_SIZE, "%s", fault == NULL ? "" : fault);
    return fault == NULL;
}

// --- Lines ---

static const char *check_name(struct slice name) {
    if (name.size == 0) {
        return "the user has no name";
    }
    if (name.size > USERS_NAME_MAX) {
        return "the name of the user is longer than 128 bytes";
    }
    if (name.data[0] == ' ' || name.data[name.size - 1] == ' ') {
        return "the name of the user begins or ends with a blank";
    }
    for (size_t i = 0; i < name.size;) {
        const uint8_t *at = (const uint8_t *)name.data + i;
        size_t size = *at < 0x80 ? *at >= ' ' && *at != 0x7f : utf8_printable(at, name.size - i);
        if (size == 0) {
            return "the name of the user is not UTF-8, or has control characters";
        }
        i += size;
    }
    return NULL;
}

static enum users_line read_line(struct slice line, struct users_entry *entry,
                                 char why[USERS_WHY_SIZE]) {
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL) {
        (void)snprintf(why, USERS_WHY_SIZE, "no ':' between a name and a hash");
        return USERS_FAULT;
    }
    entry->name = (struct slice){line.data, (size_t)(colon - line.data)};
    entry->hash = behind(line, entry->name.size + 1);
    const char *comment =
        entry->hash.size == 0 ? NULL : memchr(entry->hash.data, ':', entry->hash.size);
    if (comment != NULL) {
        entry->hash.size = (size_t)(comment - entry->hash.data);
    }
    const char *fault = check_name(entry->name);
    if (fault == NULL && entry->hash.size == 0) {
        fault = "the user has no password";
    }
    if (fault != NULL) {
        (void)snprintf(why, USERS_WHY_SIZE, "%s", fault);
        return USERS_FAULT;
    }
    return check_hash(entry, why) ? USERS_ENTRY : USERS_FAULT;
}

enum users_line users_file_next(struct users_reader *reader, struct users_entry *entry,
                                char why[USERS_WHY_SIZE]) {
    while (reader->rest.size > 0) {
        const char *end = memchr(reader->rest.data, '\n', reader->rest.size);
        size_t size = end == NULL ? reader->rest.size : (size_t)(end - reader->rest.data);
        struct slice line = {reader->rest.data, size};
        reader->rest = behind(reader->rest, size + (end != NULL));
        reader->line++;
        if (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        if (line.size > 0 && line.data[0] != '#') {
            return read_line(line, entry, why);
        }
    }
    return USERS_END;
}

// --- Whole files ---

struct named_line {
    struct slice name;
    int line;
};

static int compare_names(const void *left, const void *right) {
    const struct named_line *a = left;
    const struct named_line *b = right;
    int order = slice_compare(a->name, b->name);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

// The results of checking a file.
struct finding {
    int line; // of the file; 0: of the whole
    char why[USERS_WHY_SIZE];
    int fast_line; // the first hash that is fast; 0: none is
};

static bool find(struct finding *finding, int line, const char *why) {
    finding->line = line;
    (void)snprintf(finding->why, sizeof(finding->why), "%s", why);
    return false;
}

static bool check_names(struct named_line *names, size_t count, struct finding *finding) {
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(names[i - 1].name, names[i].name)) {
            (void)snprintf(finding->why, sizeof(finding->why),
                           "the user is already on line %d; remove one of the two lines",
                           names[i - 1].line);
            finding->line = names[i].line;
            return false;
        }
    }
    return count > 0 || find(finding, 0, "it has no user; add one: htpasswd -B -C 10 FILE NAME");
}

static bool check_lines(struct slice content, struct named_line *names, struct finding *finding) {
    struct users_reader reader = {content, 0};
    struct users_entry entry;
    enum users_line what;
    size_t count = 0;
    while ((what = users_file_next(&reader, &entry, finding->why)) == USERS_ENTRY) {
        if (count == USERS_MAX) {
            return find(finding, reader.line, "more than 20000 users");
        }
        names[count++] = (struct named_line){entry.name, reader.line};
        if (entry.is_fast && finding->fast_line == 0) {
            finding->fast_line = reader.line;
        }
    }
    finding->line = reader.line;
    return what == USERS_END && check_names(names, count, finding);
}

static void add_of_file(struct report *report, const char *path, int line, int order_line,
                        const char *text) {
    const struct config_parts *parts = report->parts;
    const char *file = report_set_file(report, path);
    int order = report->order_line;
    report->parts = NULL;
    report->order_line = order_line;
    report_add(report, line, "%s", text);
    (void)report_set_file(report, file);
    report->parts = parts;
    report->order_line = order;
}

bool users_file_check(const char *path, struct slice content, int line, struct report *report,
                      struct report *warnings) {
    struct finding finding = {.line = 0};
    struct named_line *names = calloc(USERS_MAX, sizeof(*names));
    if (names == NULL) {
        report_out_of_memory(report);
        return false;
    }
    bool ok = check_lines(content, names, &finding);
    free(names);
    if (!ok) {
        add_of_file(report, path, finding.line, line, finding.why);
    } else if (finding.fast_line != 0) {
        add_of_file(warnings, path, finding.fast_line, line,
                    "a bcrypt hash with a cost of less than 10 is quick to guess; "
                    "set the password again with htpasswd -B -C 10");
    }
    return ok;
}

struct users_mark users_file_mark(struct slice content) {
    uint64_t forward = hash_add(HASH_BEGIN, &content.size, sizeof(content.size));
    uint64_t other = hash_mix(forward);
    return (struct users_mark){{hash_mix(hash_add(forward, content.data, content.size)),
                                hash_mix(hash_add(other, content.data, content.size))}};
}
