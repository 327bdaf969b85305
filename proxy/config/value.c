#include "config/value.h"

#include "config/config.h"
#include "config/field.h"
#include "config/host.h"
#include "config/quantity.h"
#include "config/server_title.h"
#include "config/statuses.h"
#include "config/suggest.h"
#include "config/url.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_SIZE 64
#define TEXT_MAX_SIZE 8192

static bool refuse(struct value *value, const char *why) {
    (void)snprintf(value->why, sizeof(value->why), "%s", why);
    return false;
}

static void *field(const struct value *value) {
    return (char *)value->object + value->option->offset;
}

void *array_append(void *items, size_t *count, size_t item_size) {
    char *array;
    memcpy(&array, items, sizeof(array));
    if ((*count & (*count - 1)) == 0) { // full: its capacity is the next power of two
        size_t capacity = *count == 0 ? 1 : *count * 2;
        char *grown = reallocarray(array, capacity, item_size);
        if (grown == NULL) {
            return NULL;
        }
        array = grown;
        memcpy(items, &array, sizeof(array));
    }
    return memset(array + (*count)++ * item_size, 0, item_size);
}

// Takes ownership of `text` (NULL: memory was short).
static bool put_text(struct value *value, char *text) {
    if (text == NULL) {
        return refuse(value, "out of memory");
    }
    void *place = field(value);
    if (value->option->count_offset != 0) {
        size_t *count = (size_t *)(void *)((char *)value->object + value->option->count_offset);
        place = array_append(place, count, sizeof(text));
    }
    if (place == NULL) {
        free(text);
        return refuse(value, "out of memory");
    }
    if (value->option->count_offset == 0) { // the default, if there is one
        char *former;
        memcpy(&former, place, sizeof(former));
        free(former);
    }
    memcpy(place, &text, sizeof(text));
    value->key = text;
    return true;
}

static bool put_number(struct value *value, uint64_t number) {
    uint32_t narrow = (uint32_t)number;
    memcpy(field(value), &narrow, sizeof(narrow));
    return true;
}

static bool store_yes_no(struct value *value) {
    static const char *const words[][2] = {{"no", "yes"}, {"off", "on"}, {"false", "true"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        bool yes = strcmp(value->text, words[i][1]) == 0;
        if (yes || strcmp(value->text, words[i][0]) == 0) {
            memcpy(field(value), &yes, sizeof(yes));
            return true;
        }
    }
    return false;
}

static bool store_quantity(struct value *value, enum quantity quantity, uint64_t divisor) {
    const struct option *option = value->option;
    const char *zero = option->zero_word != NULL ? option->zero_word : "";
    uint64_t number = 0;
    if (strcmp(value->text, zero) == 0) {
        return put_number(value, 0);
    }
    const char *why = quantity_parse(quantity, value->text, &number);
    if (why != NULL) {
        return refuse(value, why);
    }
    bool is_zero = number == 0 && strcmp(zero, "0") == 0; // in any unit
    if (!is_zero && (number < option->minimum || number > option->maximum)) {
        return false;
    }
    if (number % divisor != 0) {
        return refuse(value, "whole seconds only");
    }
    return put_number(value, number / divisor);
}

static bool store_number(struct value *value) {
    return store_quantity(value, QUANTITY_NUMBER, 1);
}

static bool store_size(struct value *value) {
    return store_quantity(value, QUANTITY_SIZE, 1);
}

static bool store_milliseconds(struct value *value) {
    return store_quantity(value, QUANTITY_TIME, 1);
}

static bool store_seconds(struct value *value) {
    return store_quantity(value, QUANTITY_TIME, 1000);
}

// Finds the index of the text in `words`, from `first` on. False, with a suggestion: none of them.
static bool find_word(struct value *value, size_t first, size_t *index) {
    const char *const *words = value->option->words;
    struct suggestion suggestion;
    suggestion_init(&suggestion, value->text);
    for (*index = first; words[*index] != NULL; (*index)++) {
        if (strcmp(value->text, words[*index]) == 0) {
            return true;
        }
        suggestion_offer(&suggestion, words[*index]);
    }
    if (suggestion.best != NULL) {
        (void)snprintf(value->why, sizeof(value->why), "did you mean '%s'?", suggestion.best);
    }
    return false;
}

static bool store_word(struct value *value) {
    size_t index;
    return find_word(value, 0, &index) && put_number(value, index);
}

static char *resolve(const struct value *value) {
    const char *text = value->text;
    char *path;
    if (text[0] == '/') {
        return strdup(text);
    }
    while (text[0] == '.' && text[1] == '/') {
        text += 2;
    }
    const char *slash = strcmp(value->directory, "/") == 0 ? "" : "/";
    return asprintf(&path, "%s%s%s", value->directory, slash, text) < 0 ? NULL : path;
}

static bool store_file(struct value *value) {
    if (strlen(value->text) >= PATH_MAX) {
        return refuse(value, "too long");
    }
    return put_text(value, resolve(value));
}

static bool store_address_file(struct value *value) {
    struct config_address_file *file = field(value);
    if (strlen(value->text) >= PATH_MAX) {
        return refuse(value, "too long");
    }
    file->path = resolve(value);
    return file->path != NULL || refuse(value, "out of memory");
}

static bool store_file_or_word(struct value *value) {
    const char *word = value->option->kind == KIND_USERS ? CONFIG_NO_USERS : CONFIG_ACME;
    return strcmp(value->text, word) == 0 ? put_text(value, strdup(word)) : store_file(value);
}

// The address becomes an argument of a program, and a part of the name of a folder.
static bool store_email(struct value *value) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._+-@";
    const char *text = value->text;
    const char *at = strchr(text, '@');
    size_t size = strlen(text);
    return size <= 200 && strspn(text, allowed) == size && at != NULL && at != text &&
           at[1] != '\0' && strchr(at + 1, '@') == NULL && text[0] != '-' && text[0] != '.' &&
           put_text(value, strdup(text));
}

static bool store_log(struct value *value) {
    struct config_log *log = field(value);
    size_t index;
    if (find_word(value, value->option->minimum, &index)) {
        log->target = (enum log_target)index;
        return true;
    }
    if (strpbrk(value->text, "/.") == NULL) {
        // A misspelt word is more likely than a file with this name.
        return value->why[0] == '\0' ? refuse(value, "a file is written with a '/' or a '.'")
                                     : false;
    }
    log->target = LOG_TARGET_FILE;
    log->path = resolve(value);
    return log->path != NULL || refuse(value, "out of memory");
}

static bool store_name(struct value *value) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(value->text);
    if (size > NAME_MAX_SIZE) {
        return refuse(value, "longer than 64 characters");
    }
    if (strchr(value->text, ':') != NULL && strcmp(value->option->name, "backend") == 0) {
        return refuse(value, "write backend NAME { server ADDRESS {} }, and its name here");
    }
    return strspn(value->text, allowed) == size && put_text(value, strdup(value->text));
}

static bool store_host_form(struct value *value, bool pattern) {
    char host[HOST_TEXT_SIZE];
    const char *why = host_canonical(value->text, pattern, host);
    return why == NULL ? put_text(value, strdup(host)) : refuse(value, why);
}

static bool store_host(struct value *value) {
    return store_host_form(value, false);
}

static bool store_host_pattern(struct value *value) {
    return store_host_form(value, true);
}

static bool store_prefix(struct value *value) {
    struct config_route *route = value->object;
    if (value->text[0] != '/') {
        return strpbrk(value->text, "~^") == NULL
                   ? false
                   : refuse(value, "there are no regular expressions");
    }
    route->prefix_size = strlen(value->text);
    if (route->prefix_size > PREFIX_MAX_SIZE) {
        return refuse(value, "longer than 1024 bytes");
    }
    for (const char *c = value->text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || strchr("?#%;\\", *c) != NULL) {
            return refuse(value, "it is compared with decoded paths: no '?', '#', '%', ';', "
                                 "backslash or space, and ASCII only");
        }
    }
    if (strstr(value->text, "//") != NULL || strstr(value->text, "/./") != NULL ||
        strstr(value->text, "/../") != NULL) {
        return refuse(value,
                      "it is compared with resolved paths: no empty segment, no '.' or '..'");
    }
    return put_text(value, strdup(value->text));
}

static bool parse_address(struct value *value, struct address *address) {
    const char *why;
    if (address_parse(slice_from(value->text), address, &why) != RESULT_OK) {
        return refuse(value, why);
    }
    if (address->as.any.sa_family != AF_UNIX && address_port(address) == 0) {
        return refuse(value, "no port 0");
    }
    return true;
}

static bool store_listen(struct value *value) {
    struct config_listen *listen = value->object;
    struct address address;
    if (value->text[0] == '*' || value->text[0] == ':') {
        return refuse(value, "use 0.0.0.0 for every IPv4 address, [::] for every IPv6 address");
    }
    if (value->text[0] != '\0' && value->text[strspn(value->text, "0123456789")] == '\0') {
        return refuse(value, "a port has an address before it, as in 0.0.0.0:443");
    }
    if (!parse_address(value, &address)) {
        return false;
    }
    if (address.as.any.sa_family == AF_UNIX) {
        return refuse(value, "clients come over TCP");
    }
    listen->address = address;
    address_format(&address, value->scratch);
    value->key = value->scratch;
    return true;
}

static bool store_admin(struct value *value) {
    struct config_listen *admin = value->object;
    struct address address;
    if (!parse_address(value, &address)) {
        return false;
    }
    if (address.as.any.sa_family != AF_UNIX && !address_is_loopback(&address)) {
        return refuse(value, "other machines could reach it; use 127.0.0.1, [::1] or unix:/path");
    }
    admin->address = address;
    address_format(&address, value->scratch);
    value->key = value->scratch;
    return true;
}

static bool store_server(struct value *value) {
    struct config_server *server = value->object;
    char scratch[sizeof(value->why)];
    const char *why = server_title_parse(value->text, server, scratch);
    value->key = server->text;
    return why == NULL || refuse(value, why);
}

// The port of DNS if none is given. False: not an address.
static bool parse_resolver(struct value *value, struct address *address) {
    return resolver_parse(slice_from(value->text), address) ||
           (parse_address(value, address) &&
            (address->as.any.sa_family != AF_UNIX || refuse(value, "not a unix socket")));
}

static bool store_resolver(struct value *value) {
    struct config *config = value->object;
    struct config_addresses *resolvers = field(value);
    struct address address = {.size = 0};
    bool is_system = strcmp(value->text, "system") == 0;
    if (is_system && config->resolver_line == 0) {
        return true; // the default
    }
    if (!is_system && !parse_resolver(value, &address)) {
        return false;
    }
    struct address *place = array_append(&resolvers->items, &resolvers->count, sizeof(address));
    if (place == NULL) {
        return refuse(value, "out of memory");
    }
    *place = address;
    return true;
}

static bool store_networks(struct value *value) {
    struct config_networks *networks = field(value);
    struct network network;
    const char *why;
    bool is_rule =
        strcmp(value->option->name, "allow") == 0 || strcmp(value->option->name, "deny") == 0;
    if (is_rule && strcmp(value->text, "all") == 0) {
        return refuse(value, "without allow, all clients may use a route; return = 403 refuses "
                             "all");
    }
    if (network_parse(slice_from(value->text), &network, &why) != RESULT_OK) {
        return refuse(value, why);
    }
    struct network *place = array_append(&networks->items, &networks->count, sizeof(network));
    if (place == NULL) {
        return refuse(value, "out of memory");
    }
    *place = network;
    return true;
}

static bool store_field(struct value *value) {
    char *line = NULL;
    const char *why = field_parse(value->text, &line);
    return why == NULL ? put_text(value, line) : refuse(value, why);
}

static bool store_field_name(struct value *value) {
    struct slice name = slice_from(value->text);
    const char *why = field_check_name(name);
    return why == NULL ? put_text(value, strdup(value->text)) : refuse(value, why);
}

static bool store_copied_field(struct value *value) {
    const char *why = field_check_copy(value->text);
    return why == NULL ? put_text(value, strdup(value->text)) : refuse(value, why);
}

static bool store_logged_field(struct value *value) {
    const char *why = field_check_logged(slice_from(value->text));
    char *name = why == NULL ? strdup(value->text) : NULL;
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        *c = ascii_lower(*c);
    }
    return why == NULL ? put_text(value, name) : refuse(value, why);
}

// Names of protocols are any bytes (RFC 7301 3.1). All registered names have only these.
static bool store_alpn(struct value *value) {
    size_t size = strlen(value->text);
    for (const char *c = value->text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == ',') {
            return false;
        }
    }
    return size > 0 && size <= UINT8_MAX && put_text(value, strdup(value->text));
}

// Characters that are allowed in a Location field. The request's path is appended to a URL without
// a path.
static bool store_url(struct value *value) {
    const char *why = url_refusal(value->text);
    return why == NULL ? put_text(value, strdup(value->text)) : refuse(value, why);
}

static bool store_login(struct value *value) {
    const char *why = url_login_refusal(value->text);
    return why == NULL ? put_text(value, strdup(value->text)) : refuse(value, why);
}

static bool store_text(struct value *value) {
    if (strlen(value->text) > TEXT_MAX_SIZE) {
        return refuse(value, "put a longer one in a file");
    }
    return put_text(value, strdup(value->text));
}

static bool store_media_type(struct value *value) {
    size_t main = strcspn(value->text, "/;");
    size_t sub = value->text[main] == '/' ? strcspn(value->text + main + 1, "/; ") : 0;
    if (field_check_token((struct slice){value->text, main}) != NULL ||
        field_check_token((struct slice){value->text + main + 1, sub}) != NULL ||
        strlen(value->text) > NAME_MAX_SIZE) {
        return false;
    }
    const char *rest = value->text + main + 1 + sub;
    for (const char *c = rest; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            return false;
        }
    }
    return (*rest == '\0' || *rest == ';') && put_text(value, strdup(value->text));
}

static bool store_status(struct value *value) {
    if (!store_number(value)) {
        return false;
    }
    (void)snprintf(value->scratch, sizeof(value->scratch), "%s", value->text);
    value->key = value->scratch;
    return true;
}

// A word, and for a header or a cookie a blank and its name. Without quotes, text_prepare() has
// replaced the blank by a colon.
static bool store_hash_by(struct value *value) {
    struct config_hash_by *by = field(value);
    size_t size = strcspn(value->text, " :");
    size_t gap = strspn(value->text + size, " :");
    const char *name = value->text + size + gap;
    size_t word = 0;
    while (
        value->option->words[word] != NULL &&
        !slice_equal((struct slice){value->text, size}, slice_from(value->option->words[word]))) {
        word++;
    }
    by->what = (enum hash_by)word;
    if (value->option->words[word] == NULL || (word < HASH_BY_HEADER && gap > 0)) {
        return false;
    }
    if (word < HASH_BY_HEADER) {
        return true;
    }
    const char *why = field_check_token(slice_from(name));
    if (why != NULL) {
        return refuse(value, why);
    }
    by->name = strdup(name);
    return by->name != NULL || refuse(value, "out of memory");
}

static bool is_printable(const char *text) {
    const char *c = text;
    while (*c >= ' ' && *c <= '~') {
        c++;
    }
    return *c == '\0';
}

static bool store_path(struct value *value) {
    if (value->text[0] != '/') {
        return false;
    }
    if (strlen(value->text) > PREFIX_MAX_SIZE) {
        return refuse(value, "longer than 1024 bytes");
    }
    if (!is_printable(value->text) || strpbrk(value->text, " #") != NULL) {
        return refuse(value, "a path has no space, no '#' and ASCII only");
    }
    return put_text(value, strdup(value->text));
}

static bool store_check(struct value *value) {
    return strcmp(value->text, "tcp") == 0 ? put_text(value, strdup(value->text))
                                           : store_path(value);
}

static bool store_phrase(struct value *value) {
    enum { TEXT_MAX = 256 };
    size_t size = strlen(value->text);
    if (size > TEXT_MAX) {
        return refuse(value, "longer than 256 bytes");
    }
    return size > 0 && is_printable(value->text) && put_text(value, strdup(value->text));
}

static bool store_percent(struct value *value) {
    const char *text = value->text;
    const char *zero = value->option->zero_word;
    size_t digits = strspn(text, "0123456789");
    if (zero != NULL && strcmp(text, zero) == 0) {
        return put_number(value, 0);
    }
    if (digits == 0 || digits > 3 || strcmp(text + digits, "%") != 0) {
        return refuse(value, "a whole number with '%'");
    }
    uint64_t number = strtoul(text, NULL, 10);
    return number >= value->option->minimum && number <= value->option->maximum &&
           put_number(value, number);
}

static bool store_statuses(struct value *value) {
    return statuses_add(field(value), value->text, value->option->words);
}

static bool store_access_field(struct value *value) {
    size_t index;
    if (find_word(value, 0, &index)) {
        return access_fields_add(field(value), (unsigned)index) ||
               refuse(value, "it is in the list already");
    }
    size_t size = strlen(value->why);
    size += (size_t)snprintf(value->why + size, sizeof(value->why) - size, "%s",
                             size > 0 ? " The fields are" : "the fields are");
    for (size_t i = 0; i < ACCESS_FIELD_COUNT && size < sizeof(value->why); i++) {
        size += (size_t)snprintf(value->why + size, sizeof(value->why) - size, "%s %s",
                                 i == 0 ? "" : ",", access_field_names[i]);
    }
    return false;
}

static bool (*const stores[KIND_COUNT])(struct value *) = {
    [KIND_YES_NO] = store_yes_no,
    [KIND_NUMBER] = store_number,
    [KIND_SIZE] = store_size,
    [KIND_MILLISECONDS] = store_milliseconds,
    [KIND_SECONDS] = store_seconds,
    [KIND_WORD] = store_word,
    [KIND_LOG] = store_log,
    [KIND_FILE] = store_file,
    [KIND_FOLDER] = store_file,
    [KIND_CERTIFICATE] = store_file_or_word,
    [KIND_USERS] = store_file_or_word,
    [KIND_KEY] = store_file,
    [KIND_EMAIL] = store_email,
    [KIND_NAME] = store_name,
    [KIND_HOST] = store_host,
    [KIND_HOST_PATTERN] = store_host_pattern,
    [KIND_PREFIX] = store_prefix,
    [KIND_LISTEN] = store_listen,
    [KIND_ADMIN] = store_admin,
    [KIND_SERVER] = store_server,
    [KIND_RESOLVERS] = store_resolver,
    [KIND_NETWORKS] = store_networks,
    [KIND_ADDRESS_FILE] = store_address_file,
    [KIND_FIELD] = store_field,
    [KIND_FIELD_NAME] = store_field_name,
    [KIND_COPIED_FIELD] = store_copied_field,
    [KIND_LOGGED_FIELD] = store_logged_field,
    [KIND_ALPN] = store_alpn,
    [KIND_HASH_BY] = store_hash_by,
    [KIND_TEXT] = store_text,
    [KIND_MEDIA_TYPE] = store_media_type,
    [KIND_STATUS] = store_status,
    [KIND_URL] = store_url,
    [KIND_LOGIN] = store_login,
    [KIND_CHECK] = store_check,
    [KIND_PATH] = store_path,
    [KIND_PHRASE] = store_phrase,
    [KIND_PERCENT] = store_percent,
    [KIND_STATUSES] = store_statuses,
    [KIND_ACCESS_FIELD] = store_access_field,
};

bool value_store(struct value *value) {
    value->key = NULL;
    value->why[0] = '\0';
    return stores[value->option->kind](value);
}
