#include "config/reference.h"

#include "config/quantity.h"

#include <inttypes.h>
#include <stdarg.h>

#define INDENT 4
#define VALUE_COLUMN 40

struct phrase {
    const char *title; // example of a title of this kind
    const char *words; // text for values without a list or range
};

static const struct phrase phrases[KIND_COUNT] = {
    [KIND_YES_NO] = {.words = "yes or no"},
    [KIND_FILE] = {"FILE", "a file"},
    [KIND_FOLDER] = {.words = "a folder"},
    [KIND_CERTIFICATE] = {"FILE", "a file, or acme"},
    [KIND_USERS] = {"FILE", "a file, or none"},
    [KIND_KEY] = {.words = "a file"},
    [KIND_EMAIL] = {.words = "an address such as you@example.com"},
    [KIND_NAME] = {"NAME", "a name of letters, digits, '.', '_' and '-'"},
    [KIND_HOST] = {"NAME", "a host name or an IP address"},
    [KIND_HOST_PATTERN] = {.words = "a host name, an IP address, \"*.suffix\" or \"*\""},
    [KIND_PREFIX] = {"PREFIX", "a path that begins with '/'"},
    [KIND_LISTEN] = {"ADDRESS", "an address such as 0.0.0.0:8443 or [::]:8443"},
    [KIND_ADMIN] = {"ADDRESS", "127.0.0.1:9901, another loopback address, or unix:/path"},
    [KIND_SERVER] = {"ADDRESS", "an address such as 127.0.0.1:9000, [::1]:9000 or "
                                "unix:/run/app.sock, or a name such as app.internal:9000 or "
                                "srv:_http._tcp.app.internal"},
    [KIND_RESOLVERS] = {.words = "system, or an address such as 10.0.0.53:53 or [::1]:53"},
    [KIND_NETWORKS] = {.words = "a network such as 10.0.0.0/8 or 2001:db8::/32, or an IP address"},
    [KIND_ADDRESS_FILE] = {.words = "a file"},
    [KIND_FIELD] = {.words = "a header field, \"Name: value\""},
    [KIND_FIELD_NAME] = {.words = "the name of a header field"},
    [KIND_COPIED_FIELD] = {.words = "the name of a header field, or \"Name>Other\" to rename it"},
    [KIND_LOGGED_FIELD] = {.words = "the name of a header field"},
    [KIND_ALPN] = {.words = "a protocol name such as imap or http/1.1"},
    [KIND_HASH_BY] = {.words = "client, path, header NAME or cookie NAME"},
    [KIND_TEXT] = {.words = "a text of at most 8 KiB"},
    [KIND_MEDIA_TYPE] = {.words = "a media type such as \"text/html; charset=utf-8\""},
    [KIND_STATUS] = {.title = "STATUS"},
    [KIND_URL] = {.words = "an https:// or http:// URL, or a path that begins with '/'"},
    [KIND_LOGIN] = {.words = "location, an https:// URL, or a path that begins with '/'"},
    [KIND_CHECK] = {"PATH", "a path that begins with '/'; without one: a connection is enough"},
    [KIND_PATH] = {"PATH", "a path that begins with '/'"},
    [KIND_PHRASE] = {.words = "a text"},
    [KIND_ACCESS_FIELD] = {.words = "a field of the access log"},
    [KIND_STATUSES] = {.words = "a status such as 503, or a range such as 502-504"},
};

struct text {
    char *start;
    size_t size;
};

static void append(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(text->start + text->size, REFERENCE_TEXT_SIZE - text->size, format, arguments);
    va_end(arguments);
    text->size += size < 0 ? 0 : (size_t)size;
    if (text->size >= REFERENCE_TEXT_SIZE) {
        text->size = REFERENCE_TEXT_SIZE - 1;
    }
}

// Writes "a, b or c", with `last` (if any) after the words.
static void append_words(struct text *text, const char *const *words, const char *last) {
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    size_t total = count + (last != NULL);
    for (size_t i = 0; i < total; i++) {
        const char *separator = i == 0 ? "" : i + 1 == total ? " or " : ", ";
        append(text, "%s%s", separator, i < count ? words[i] : last);
    }
}

static void append_range(struct text *text, const char *noun, enum quantity quantity,
                         const struct option *option) {
    char minimum[QUANTITY_TEXT_SIZE];
    char maximum[QUANTITY_TEXT_SIZE];
    quantity_format(quantity, option->minimum, minimum);
    quantity_format(quantity, option->maximum, maximum);
    append(text, "%s from %s to %s", noun, minimum, maximum);
}

void reference_describe(const struct option *option, char text[REFERENCE_TEXT_SIZE]) {
    struct text out = {.start = text};
    text[0] = '\0';
    if (option->zero_word != NULL) {
        append(&out, "%s, or ", option->zero_word);
    }
    switch (option->kind) {
    case KIND_STATUS:
    case KIND_NUMBER:
        append_range(&out, "a number", QUANTITY_NUMBER, option);
        break;
    case KIND_PERCENT:
        append(&out, "a part from %" PRIu64 "%% to %" PRIu64 "%%", option->minimum,
               option->maximum);
        break;
    case KIND_STATUSES:
        if (option->words == NULL) {
            append(&out, "%s", phrases[option->kind].words);
        } else {
            append_words(&out, option->words, phrases[option->kind].words);
        }
        break;
    case KIND_SIZE:
        append_range(&out, "a size", QUANTITY_SIZE, option);
        break;
    case KIND_MILLISECONDS:
    case KIND_SECONDS:
        append_range(&out, "a time", QUANTITY_TIME, option);
        break;
    case KIND_WORD:
        append_words(&out, option->words, NULL);
        break;
    case KIND_LOG:
        append_words(&out, option->words + option->minimum, "a file");
        break;
    default:
        append(&out, "%s", phrases[option->kind].words);
    }
}

// Writes how often a section or a value may be given.
static void describe_count(const struct option *option, char text[REFERENCE_TEXT_SIZE]) {
    struct text out = {.start = text};
    text[0] = '\0';
    if (option->most > 1) {
        append(&out, "; %" PRIu32 " to %" PRIu32 " of them", option->least, option->most);
    } else if (option->kind == KIND_SECTION) {
        append(&out, "; once at most");
    }
}

static void print_help(FILE *out, int indent, const char *help) {
    (void)fprintf(out, "%*s%s\n", indent + INDENT, "", help);
}

static void print_value(FILE *out, int indent, const struct option *option) {
    char setting[REFERENCE_TEXT_SIZE];
    char range[REFERENCE_TEXT_SIZE];
    char count[REFERENCE_TEXT_SIZE];
    const char *absent = option->least > 0 ? "(required)" : "(none)";
    const char *initial = option->initial != NULL ? option->initial : absent;
    (void)snprintf(setting, sizeof(setting), "%s = %s", option->name, initial);
    reference_describe(option, range);
    describe_count(option, count);
    (void)fprintf(out, "%*s%-*s # %s%s\n", indent, "", VALUE_COLUMN - indent, setting, range,
                  count);
    print_help(out, indent, option->help);
}

static void print_options(FILE *out, int indent, enum section_id id);

static void print_section(FILE *out, int indent, const struct option *option) {
    const struct option *title = &section_at(option->inside)->title;
    char head[REFERENCE_TEXT_SIZE];
    char range[REFERENCE_TEXT_SIZE] = "a section";
    char count[REFERENCE_TEXT_SIZE];
    (void)snprintf(head, sizeof(head), "%s%s%s {", option->name, title->name != NULL ? " " : "",
                   title->name != NULL ? phrases[title->kind].title : "");
    if (title->name != NULL) {
        reference_describe(title, range);
    }
    describe_count(option, count);
    (void)fprintf(out, "%*s%-*s # %s%s\n", indent, "", VALUE_COLUMN - indent, head, range, count);
    print_help(out, indent, option->help);
    print_options(out, indent + INDENT, option->inside);
    (void)fprintf(out, "%*s}\n", indent, "");
}

static void print_options(FILE *out, int indent, enum section_id id) {
    const struct section *section = section_at(id);
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        if (option->kind == KIND_SECTION) {
            print_section(out, indent, option);
        } else {
            print_value(out, indent, option);
        }
    }
}

void reference_begin(const struct section *section, char text[REFERENCE_TEXT_SIZE]) {
    const struct option *title = &section->title;
    const char *word = title->name == NULL ? NULL : phrases[title->kind].title;
    text[0] = '\0';
    if (section->name[0] != '\0') {
        (void)snprintf(text, REFERENCE_TEXT_SIZE, "%s%s%s { ... }", section->name,
                       word == NULL ? "" : " ", word == NULL ? "" : word);
    }
}

void reference_print(FILE *out) {
    print_options(out, 0, SECTION_TOP);
}
