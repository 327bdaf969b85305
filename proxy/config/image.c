#include "config/image.h"

#include "base/hash.h"
#include "config/check.h"
#include "config/image_internal.h"
#include "config/report.h"
#include "config/server_title.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

// How an option of one kind is stored in an image, by its row of the table. `object`: the struct of
// the section.
struct codec {
    void (*put)(struct writer *writer, const struct option *option, const char *object);
    bool (*take)(struct reader *reader, const struct option *option, char *object);
};

// --- Values, by kind ---

static void put_yes_no(struct writer *writer, const struct option *option, const char *object) {
    put(writer, object + option->offset, sizeof(bool));
}

static bool take_yes_no(struct reader *reader, const struct option *option, char *object) {
    uint8_t yes;
    if (!take(reader, &yes, sizeof(yes)) || yes > 1) {
        return false;
    }
    object[option->offset] = (char)yes;
    return true;
}

static void put_plain(struct writer *writer, const struct option *option, const char *object) {
    put(writer, object + option->offset, sizeof(uint32_t));
}

// 0 is also the value of an option without a default that was not given.
static bool is_in_range(const struct option *option, uint64_t number) {
    uint64_t unit = option->kind == KIND_SECONDS ? 1000 : 1;
    return (number == 0 && (option->zero_word != NULL || option->initial == NULL)) ||
           (number * unit >= option->minimum && number * unit <= option->maximum);
}

static bool take_plain(struct reader *reader, const struct option *option, char *object) {
    uint32_t number;
    if (!take_number(reader, &number) || !is_in_range(option, number)) {
        return false;
    }
    memcpy(object + option->offset, &number, sizeof(number));
    return true;
}

static uint32_t count_words(const struct option *option) {
    uint32_t count = 0;
    while (option->words[count] != NULL) {
        count++;
    }
    return count;
}

static bool take_word(struct reader *reader, const struct option *option, char *object) {
    uint32_t index;
    if (!take_number(reader, &index) || index >= count_words(option)) {
        return false;
    }
    memcpy(object + option->offset, &index, sizeof(index));
    return true;
}

static void put_log(struct writer *writer, const struct option *option, const char *object) {
    const struct config_log *log = (const void *)(object + option->offset);
    put_number(writer, (uint32_t)log->target);
    put_text(writer, log->path);
}

static bool take_log(struct reader *reader, const struct option *option, char *object) {
    struct config_log *log = (void *)(object + option->offset);
    uint32_t target;
    if (!take_number(reader, &target) || target < option->minimum || target > LOG_TARGET_FILE ||
        !take_text(reader, &log->path)) {
        return false;
    }
    log->target = (enum log_target)target;
    return (target == LOG_TARGET_FILE) == (log->path != NULL);
}

static void put_texts(struct writer *writer, const struct option *option, const char *object) {
    if (option->count_offset == 0) {
        put_text(writer, pointer_at(object + option->offset));
        return;
    }
    const char *texts = pointer_at(object + option->offset);
    size_t count = count_at(object, option);
    put_number(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_text(writer, pointer_at(texts + i * sizeof(char *)));
    }
}

static bool take_one_text(struct reader *reader, char *place, bool must_be) {
    char *text;
    bool whole = take_text(reader, &text);
    memcpy(place, &text, sizeof(text));
    return whole && (text != NULL || !must_be);
}

// A title must be there, although its row has no number of values.
static bool take_texts(struct reader *reader, const struct option *option, char *object) {
    uint32_t count;
    void *items;
    if (option->count_offset == 0) {
        return take_one_text(reader, object + option->offset,
                             option->least > 0 || option->most == 0 || option->initial != NULL);
    }
    if (!take_count(reader, option, &count) || !make_items(reader, count, sizeof(char *), &items)) {
        return false;
    }
    set_items(object, option, items, count);
    bool whole = true;
    for (size_t i = 0; whole && i < count; i++) {
        whole = take_one_text(reader, (char *)items + i * sizeof(char *), true);
    }
    return whole;
}

// The certificate is read before its key.
static bool take_key(struct reader *reader, const struct option *option, char *object) {
    const struct config_certificate *certificate = (const void *)object;
    bool is_ordered = strcmp(certificate->certificate_path, CONFIG_ACME) == 0;
    return take_one_text(reader, object + option->offset, !is_ordered);
}

static bool take_prefix(struct reader *reader, const struct option *option, char *object) {
    struct config_route *route = (void *)object;
    if (!take_one_text(reader, object + option->offset, true)) {
        return false;
    }
    route->prefix_size = strlen(route->prefix);
    return route->prefix[0] == '/' && route->prefix_size <= PREFIX_MAX_SIZE;
}

// An address is stored as text and parsed again, because a sockaddr in an image is not trusted.
static void put_address(struct writer *writer, const struct option *option, const char *object) {
    char text[ADDRESS_TEXT_SIZE];
    address_format((const void *)(object + option->offset), text);
    put_text(writer, text);
}

static bool take_address(struct reader *reader, struct address *address, char **text) {
    const char *why;
    return take_one_text(reader, (char *)text, true) &&
           address_parse(slice_from(*text), address, &why) == RESULT_OK;
}

static bool take_listen(struct reader *reader, const struct option *option, char *object) {
    struct address *address = (void *)(object + option->offset);
    char *text;
    bool whole = take_address(reader, address, &text) && address->as.any.sa_family != AF_UNIX;
    free(text);
    return whole;
}

static bool take_admin(struct reader *reader, const struct option *option, char *object) {
    struct address *address = (void *)(object + option->offset);
    char *text;
    bool whole = take_address(reader, address, &text) &&
                 (address->as.any.sa_family == AF_UNIX || address_is_loopback(address));
    free(text);
    return whole;
}

// The title of a server is stored in the same way.
static void put_server(struct writer *writer, const struct option *option, const char *object) {
    (void)option;
    put_text(writer, ((const struct config_server *)(const void *)object)->text);
}

static bool take_server(struct reader *reader, const struct option *option, char *object) {
    char scratch[128];
    char *title;
    (void)option;
    bool whole = take_one_text(reader, (char *)&title, true);
    const char *why = whole ? server_title_parse(title, (void *)object, scratch) : NULL;
    reader->out_of_memory |= why == SERVER_TITLE_NO_MEMORY;
    free(title);
    return whole && why == NULL;
}

static void put_resolvers(struct writer *writer, const struct option *option, const char *object) {
    const struct config_addresses *resolvers = (const void *)(object + option->offset);
    put_number(writer, (uint32_t)resolvers->count);
    for (size_t i = 0; i < resolvers->count; i++) {
        char text[ADDRESS_TEXT_SIZE] = "";
        if (resolvers->items[i].size > 0) {
            address_format(&resolvers->items[i], text);
        }
        put_text(writer, text);
    }
}

static bool take_resolver(struct reader *reader, struct address *address) {
    char *text;
    bool whole = take_address(reader, address, &text);
    bool is_system = text != NULL && text[0] == '\0';
    if (is_system) {
        *address = (struct address){.size = 0};
    }
    free(text);
    return is_system || (whole && address->as.any.sa_family != AF_UNIX);
}

static bool take_resolvers(struct reader *reader, const struct option *option, char *object) {
    struct config_addresses *resolvers = (void *)(object + option->offset);
    uint32_t count;
    void *items;
    if (!take_count(reader, option, &count) ||
        !make_items(reader, count, sizeof(*resolvers->items), &items)) {
        return false;
    }
    *resolvers = (struct config_addresses){items, count};
    bool whole = true;
    for (size_t i = 0; whole && i < count; i++) {
        whole = take_resolver(reader, &resolvers->items[i]);
    }
    return whole;
}

static void put_network_items(struct writer *writer, const struct network *items, size_t count) {
    put_number(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct network *network = &items[i];
        const uint8_t form[] = {network->bits, network->v6};
        put(writer, form, sizeof(form));
        put(writer, network->bytes, sizeof(network->bytes));
    }
}

static void put_networks(struct writer *writer, const struct option *option, const char *object) {
    const struct config_networks *networks = (const void *)(object + option->offset);
    put_network_items(writer, networks->items, networks->count);
}

static bool take_network(struct reader *reader, struct network *network) {
    uint8_t form[2];
    if (!take(reader, form, sizeof(form)) ||
        !take(reader, network->bytes, sizeof(network->bytes)) || form[1] > 1) {
        return false;
    }
    network->bits = form[0];
    network->v6 = form[1] != 0;
    return network->bits <= (network->v6 ? 128 : 32);
}

static bool take_network_items(struct reader *reader, uint32_t count, struct network *items) {
    bool whole = true;
    for (size_t i = 0; whole && i < count; i++) {
        whole = take_network(reader, &items[i]);
    }
    return whole;
}

static bool take_networks(struct reader *reader, const struct option *option, char *object) {
    struct config_networks *networks = (void *)(object + option->offset);
    uint32_t count;
    void *items;
    if (!take_count(reader, option, &count) ||
        !make_items(reader, count, sizeof(*networks->items), &items)) {
        return false;
    }
    *networks = (struct config_networks){items, count};
    return take_network_items(reader, count, networks->items);
}

static void put_address_file(struct writer *writer, const struct option *option,
                             const char *object) {
    const struct config_address_file *file = (const void *)(object + option->offset);
    put_text(writer, file->path);
    put_network_items(writer, file->set.items, file->set.count);
}

static bool take_address_file(struct reader *reader, const struct option *option, char *object) {
    struct config_address_file *file = (void *)(object + option->offset);
    uint32_t count;
    void *items;
    if (!take_text(reader, &file->path) || !take_number(reader, &count) ||
        count > reader->left / 2 || (file->path == NULL && count > 0) ||
        !make_items(reader, count, sizeof(*file->set.items), &items)) {
        return false;
    }
    file->set = (struct network_set){.items = items, .count = count};
    bool whole = take_network_items(reader, count, file->set.items);
    bool built = whole && network_set_build(&file->set);
    reader->out_of_memory |= whole && !built;
    return built;
}

static void put_hash_by(struct writer *writer, const struct option *option, const char *object) {
    const struct config_hash_by *by = (const void *)(object + option->offset);
    put_number(writer, (uint32_t)by->what);
    put_text(writer, by->name);
}

static bool take_hash_by(struct reader *reader, const struct option *option, char *object) {
    struct config_hash_by *by = (void *)(object + option->offset);
    uint32_t what;
    if (!take_number(reader, &what) || what >= count_words(option) ||
        !take_text(reader, &by->name)) {
        return false;
    }
    by->what = (enum hash_by)what;
    return (what >= HASH_BY_HEADER) == (by->name != NULL);
}

static void put_access_fields(struct writer *writer, const struct option *option,
                              const char *object) {
    const struct access_fields *fields = (const void *)(object + option->offset);
    put_number(writer, fields->count);
    put(writer, fields->items, fields->count);
}

static bool take_access_fields(struct reader *reader, const struct option *option, char *object) {
    struct access_fields *fields = (void *)(object + option->offset);
    uint32_t count;
    bool whole = take_count(reader, option, &count);
    for (uint32_t i = 0; whole && i < count; i++) {
        uint8_t field;
        whole = take(reader, &field, sizeof(field)) && access_fields_add(fields, field);
    }
    return whole;
}

static void put_statuses(struct writer *writer, const struct option *option, const char *object) {
    put(writer, object + option->offset, sizeof(struct config_statuses));
}

static bool take_statuses(struct reader *reader, const struct option *option, char *object) {
    return take(reader, object + option->offset, sizeof(struct config_statuses));
}

// --- Sections ---

static void put_section(struct writer *writer, enum section_id id, const char *object);
static bool take_section(struct reader *reader, enum section_id id, char *object);

static void put_sections(struct writer *writer, const struct option *option, const char *object) {
    if (option->count_offset == 0) {
        put_section(writer, option->inside, object + option->offset);
        return;
    }
    const char *items = pointer_at(object + option->offset);
    size_t count = count_at(object, option);
    put_number(writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_section(writer, option->inside, items + i * section_at(option->inside)->size);
    }
}

static bool take_sections(struct reader *reader, const struct option *option, char *object) {
    size_t size = section_at(option->inside)->size;
    uint32_t count;
    void *items;
    if (option->count_offset == 0) {
        return take_section(reader, option->inside, object + option->offset);
    }
    if (!take_count(reader, option, &count) || !make_items(reader, count, size, &items)) {
        return false;
    }
    set_items(object, option, items, count);
    bool whole = true;
    for (size_t i = 0; whole && i < count; i++) {
        whole = take_section(reader, option->inside, (char *)items + i * size);
    }
    return whole;
}

static const struct codec codecs[KIND_COUNT] = {
    [KIND_SECTION] = {put_sections, take_sections},
    [KIND_YES_NO] = {put_yes_no, take_yes_no},
    [KIND_NUMBER] = {put_plain, take_plain},
    [KIND_SIZE] = {put_plain, take_plain},
    [KIND_MILLISECONDS] = {put_plain, take_plain},
    [KIND_SECONDS] = {put_plain, take_plain},
    [KIND_WORD] = {put_plain, take_word},
    [KIND_LOG] = {put_log, take_log},
    [KIND_FILE] = {put_texts, take_texts},
    [KIND_FOLDER] = {put_texts, take_texts},
    [KIND_CERTIFICATE] = {put_texts, take_texts},
    [KIND_USERS] = {put_texts, take_texts},
    [KIND_KEY] = {put_texts, take_key},
    [KIND_EMAIL] = {put_texts, take_texts},
    [KIND_NAME] = {put_texts, take_texts},
    [KIND_HOST] = {put_texts, take_texts},
    [KIND_HOST_PATTERN] = {put_texts, take_texts},
    [KIND_PREFIX] = {put_texts, take_prefix},
    [KIND_LISTEN] = {put_address, take_listen},
    [KIND_ADMIN] = {put_address, take_admin},
    [KIND_SERVER] = {put_server, take_server},
    [KIND_NETWORKS] = {put_networks, take_networks},
    [KIND_ADDRESS_FILE] = {put_address_file, take_address_file},
    [KIND_FIELD] = {put_texts, take_texts},
    [KIND_FIELD_NAME] = {put_texts, take_texts},
    [KIND_COPIED_FIELD] = {put_texts, take_texts},
    [KIND_LOGGED_FIELD] = {put_texts, take_texts},
    [KIND_ALPN] = {put_texts, take_texts},
    [KIND_HASH_BY] = {put_hash_by, take_hash_by},
    [KIND_TEXT] = {put_texts, take_texts},
    [KIND_MEDIA_TYPE] = {put_texts, take_texts},
    [KIND_STATUS] = {put_plain, take_plain},
    [KIND_URL] = {put_texts, take_texts},
    [KIND_LOGIN] = {put_texts, take_texts},
    [KIND_CHECK] = {put_texts, take_texts},
    [KIND_PATH] = {put_texts, take_texts},
    [KIND_PHRASE] = {put_texts, take_texts},
    [KIND_PERCENT] = {put_plain, take_plain},
    [KIND_STATUSES] = {put_statuses, take_statuses},
    [KIND_ACCESS_FIELD] = {put_access_fields, take_access_fields},
    [KIND_RESOLVERS] = {put_resolvers, take_resolvers},
};

static void put_option(struct writer *writer, const struct option *option, const char *object) {
    if (option->line_offset != 0) {
        put(writer, object + option->line_offset, sizeof(int));
    }
    codecs[option->kind].put(writer, option, object);
}

static bool take_option(struct reader *reader, const struct option *option, char *object) {
    return (option->line_offset == 0 || take(reader, object + option->line_offset, sizeof(int))) &&
           codecs[option->kind].take(reader, option, object);
}

static void put_section(struct writer *writer, enum section_id id, const char *object) {
    const struct section *section = section_at(id);
    if (section->title.name != NULL) {
        put_option(writer, &section->title, object);
    }
    for (size_t i = 0; i < section->option_count; i++) {
        put_option(writer, &section->options[i], object);
    }
}

static bool take_section(struct reader *reader, enum section_id id, char *object) {
    const struct section *section = section_at(id);
    bool whole = section->title.name == NULL || take_option(reader, &section->title, object);
    for (size_t i = 0; whole && i < section->option_count; i++) {
        whole = take_option(reader, &section->options[i], object);
    }
    return whole;
}

// --- Images ---

// A number that identifies the option table, and so the format.
static uint64_t fingerprint(void) {
    uint64_t hash = HASH_BEGIN;
    for (enum section_id id = SECTION_TOP; id < SECTION_COUNT; id++) {
        const struct section *section = section_at(id);
        hash = hash_add(hash, &section->size, sizeof(section->size));
        for (size_t i = 0; i < section->option_count; i++) {
            const struct option *option = &section->options[i];
            const size_t form[] = {(size_t)option->kind, (size_t)option->inside, option->offset,
                                   option->line_offset, option->count_offset};
            hash = hash_add(hash, option->name, strlen(option->name) + 1);
            hash = hash_add(hash, form, sizeof(form));
        }
    }
    return hash;
}

static void put_parts(struct writer *writer, const struct config_parts *parts) {
    put_number(writer, (uint32_t)parts->count);
    for (size_t i = 0; i < parts->count; i++) {
        const struct config_part *part = &parts->items[i];
        put_number(writer, (uint32_t)part->first);
        put_number(writer, (uint32_t)part->line);
        put_text(writer, part->path);
        put_text(writer, part->directory);
    }
}

// Line numbers fit in an int, because no text has more bytes than CONFIG_TEXT_MAX.
static bool take_part(struct reader *reader, struct config_part *part) {
    uint32_t first;
    uint32_t line;
    bool whole = take_number(reader, &first) && take_number(reader, &line) &&
                 take_text(reader, &part->path) && take_text(reader, &part->directory) &&
                 first <= CONFIG_TEXT_MAX + 1 && line <= CONFIG_TEXT_MAX + 1;
    part->first = whole ? (int)first : 0;
    part->line = whole ? (int)line : 0;
    return whole;
}

static bool take_parts(struct reader *reader, struct config_parts *parts) {
    uint32_t count;
    void *items;
    if (!take_number(reader, &count) || count > reader->left / (4 * sizeof(count)) ||
        !make_items(reader, count, sizeof(*parts->items), &items)) {
        return false;
    }
    *parts = (struct config_parts){items, count};
    bool whole = true;
    for (size_t i = 0; whole && i < count; i++) {
        whole = take_part(reader, &parts->items[i]);
    }
    return whole;
}

static void write_all(struct writer *writer, const struct config *config) {
    uint64_t format = fingerprint();
    put(writer, &format, sizeof(format));
    put_text(writer, config->directory);
    put_parts(writer, &config->parts);
    put_section(writer, SECTION_TOP, (const char *)config);
}

struct slice image_write(const struct config *config) {
    struct writer writer = {0};
    write_all(&writer, config);
    writer = (struct writer){.data = malloc(writer.size)};
    if (writer.data == NULL) {
        return (struct slice){0};
    }
    write_all(&writer, config);
    return (struct slice){(const char *)writer.data, writer.size};
}

static bool read_all(struct reader *reader, struct config *config) {
    uint64_t format;
    return take(reader, &format, sizeof(format)) && format == fingerprint() &&
           take_one_text(reader, (char *)&config->directory, true) &&
           take_parts(reader, &config->parts) &&
           take_section(reader, SECTION_TOP, (char *)config) && reader->left == 0;
}

struct config *image_read(struct slice image, const char *path, char error[CONFIG_ERROR_SIZE]) {
    struct reader reader = {.at = image.data, .left = image.size};
    struct report report;
    struct config *config = calloc(1, sizeof(*config));
    report_init(&report, path, error, CONFIG_ERROR_SIZE);
    if (config != NULL) {
        config->path = strdup(path);
    }
    bool whole = config != NULL && config->path != NULL && read_all(&reader, config);
    if (config == NULL || config->path == NULL || reader.out_of_memory) {
        report_out_of_memory(&report);
    } else if (!whole) {
        report_add(&report, 0, "its image in the bundle is damaged");
    } else {
        report.parts = &config->parts;
        check_config(config, &report);
    }
    if (!report_is_empty(&report)) {
        config_free(config);
        return NULL;
    }
    return config;
}
