// The image of a checked config: what is read is what was written, whatever the option table holds,
// and a damaged image is an error.
#include "config/image.h"

#include "config/check.h"
#include "config/options.h"
#include "config/report.h"
#include "config/value.h"
#include "config_text.h"
#include "no_memory.h"

// --- A config that gives every option of the table ---

// What a route may do is one of these: each is left out of a config that has another of them.
static const char *const actions[] = {"backend", "redirect", "return"};

struct filler {
    const char *action;
    int line;
    int number; // makes values differ
    size_t options;
};

// A listener with a backend and HTTP options exclude each other: test_listeners_find_their_backends
// has one.
static bool is_left_out(const struct filler *filler, enum section_id id,
                        const struct option *option) {
    if (id == SECTION_LISTEN &&
        (strcmp(option->name, "backend") == 0 || strcmp(option->name, "alpn") == 0)) {
        return true;
    }
    bool is_page = option->kind == KIND_TEXT || option->kind == KIND_MEDIA_TYPE ||
                   strcmp(option->name, "file") == 0;
    if (is_page) { // a page is one of text and file, and of a route that returns
        bool is_other = strcmp(option->name, id == SECTION_ROUTE ? "file" : "text") == 0;
        return is_other || (id == SECTION_ROUTE && strcmp(filler->action, "return") != 0);
    }
    if (strcmp(option->name, "authorize") == 0) {
        return strcmp(filler->action, "backend") != 0;
    }
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(option->name, actions[i]) == 0 && option->kind != KIND_SECTION) {
            return strcmp(filler->action, actions[i]) != 0;
        }
    }
    static const char *const of_users[] = {"users", "realm", "user-header", "pass-authorization"};
    for (size_t i = 0; i < sizeof(of_users) / sizeof(of_users[0]); i++) {
        if (strcmp(option->name, of_users[i]) == 0 && id == SECTION_ROUTE) {
            return strcmp(filler->action, "backend") != 0;
        }
    }
    return (strcmp(option->name, "strip-prefix") == 0 && strcmp(filler->action, "backend") != 0) ||
           (strcmp(option->name, "redirect-rest") == 0 && strcmp(filler->action, "redirect") != 0);
}

static int next_number(struct filler *filler, const struct option *option) {
    filler->number++;
    return strcmp(option->name, "acme-challenge") == 0 ? 0 : filler->number; // one in all listeners
}

// Two forms in turn.
static void write_address(enum option_kind kind, int number, char text[128]) {
    bool even = number % 2 == 0;
    switch (kind) {
    case KIND_ADMIN:
        (void)snprintf(text, 128, even ? "unix:/run/%d" : "[::1]:%d", number);
        break;
    case KIND_SERVER: // a name, so that all options are for it
        (void)snprintf(text, 128, even ? "srv:_a._tcp.n%d" : "n.test:%d", number);
        break;
    case KIND_NETWORKS:
        (void)snprintf(text, 128, even ? "2001:db8:%x::/48" : "10.%d.0.0/16", number % 256);
        break;
    default:
        (void)snprintf(text, 128, even ? "[2001:db8::1]:%d" : "127.0.0.1:%d", number);
    }
}

// A path, or a text with a form of its own.
static void write_path(enum option_kind kind, int number, char text[128]) {
    const char *before = kind == KIND_COPIED_FIELD ? "X-From>X-Name-"
                         : kind == KIND_LOGIN      ? "https://login.test/"
                                                   : "/x";
    (void)snprintf(text, 128, "%s%d%s", before, number, kind == KIND_COPIED_FIELD ? "" : "/");
}

static void write_value(struct filler *filler, const struct option *option, char text[128]) {
    static const char *const others[] = {"no", "yes"};
    size_t last = 0;
    int number = next_number(filler, option);
    switch (option->kind) {
    case KIND_YES_NO:
        (void)snprintf(text, 128, "%s", others[strcmp(option->initial, "no") == 0]);
        break;
    case KIND_NUMBER:
    case KIND_SIZE:
        (void)snprintf(text, 128, "%llu", (unsigned long long)option->maximum);
        break;
    case KIND_MILLISECONDS:
    case KIND_SECONDS:
        (void)snprintf(text, 128, "%llums", (unsigned long long)option->maximum);
        break;
    case KIND_WORD:
        while (option->words[last + 1] != NULL && strcmp(option->words[last + 1], "tcp") != 0) {
            last++;
        }
        (void)snprintf(text, 128, "%s", option->words[last]);
        break;
    case KIND_NAME:
        (void)snprintf(text, 128, "b"); // a route's backend is the one there is
        break;
    case KIND_HOST:
    case KIND_HOST_PATTERN:
        (void)snprintf(text, 128, "h%d.test", number);
        break;
    case KIND_LISTEN:
    case KIND_ADMIN:
    case KIND_SERVER:
    case KIND_RESOLVERS:
    case KIND_NETWORKS:
        write_address(option->kind, number, text);
        break;
    case KIND_HASH_BY:
        (void)snprintf(text, 128, "cookie n%d", number);
        break;
    case KIND_FIELD:
        (void)snprintf(text, 128, "X-Name-%d: value", number);
        break;
    case KIND_EMAIL:
        (void)snprintf(text, 128, "n%d@x.test", number);
        break;
    case KIND_FIELD_NAME:
    case KIND_LOGGED_FIELD:
        (void)snprintf(text, 128, "X-Name-%d", number);
        break;
    case KIND_PERCENT:
        (void)snprintf(text, 128, "%d%%", 1 + number % 100);
        break;
    case KIND_ACCESS_FIELD:
        (void)snprintf(text, 128, "%s", access_field_names[number % ACCESS_FIELD_COUNT]);
        break;
    case KIND_STATUSES:
        (void)snprintf(text, 128, "%d-599", 100 + number % 500);
        break;
    case KIND_MEDIA_TYPE:
        (void)snprintf(text, 128, "text/html; charset=utf-8");
        break;
    case KIND_STATUS:
        (void)snprintf(text, 128, "%d", 400 + number % 200);
        break;
    default: // files, prefixes, URLs
        write_path(option->kind, number, text);
    }
}

static void give(struct filler *filler, const struct option *option, void *object) {
    char text[128];
    struct value value = {.option = option, .text = text, .directory = "/d", .object = object};
    write_value(filler, option, text);
    if (option->line_offset != 0) {
        int line = ++filler->line;
        memcpy((char *)object + option->line_offset, &line, sizeof(line));
    }
    if (!value_store(&value)) {
        fail_msg("%s = %s: %s", option->name, text, value.why);
    }
    filler->options++;
}

static void fill(struct filler *filler, enum section_id id, char *object) {
    const struct section *section = section_at(id);
    if (section->title.name != NULL) {
        give(filler, &section->title, object);
    }
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        size_t times = option->most > 1 ? 3 : 1;
        for (size_t j = 0; j < times && !is_left_out(filler, id, option); j++) {
            if (option->kind != KIND_SECTION) {
                give(filler, option, object);
            } else if (option->count_offset == 0) {
                fill(filler, option->inside, object + option->offset);
            } else {
                size_t *count = (size_t *)(void *)(object + option->count_offset);
                char *item =
                    array_append(object + option->offset, count, section_at(option->inside)->size);
                assert_non_null(item);
                fill(filler, option->inside, item);
            }
        }
    }
}

static struct config *make_config(const char *action) {
    char error[CONFIG_ERROR_SIZE];
    struct report report;
    struct filler filler = {.action = action};
    struct config *config = calloc(1, sizeof(*config));
    assert_non_null(config);
    config->path = strdup("/d/r.conf");
    config->directory = strdup("/d");
    fill(&filler, SECTION_TOP, (char *)config);
    report_init(&report, "r.conf", error, sizeof(error));
    check_config(config, &report);
    assert_string_equal(error, "");
    return config;
}

// --- Comparison of all there is in two configs, whether the table knows it or not ---

static void assert_same_text(const char *a, const char *b) {
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) {
        assert_string_equal(a, b);
    }
}

// Compares what two pointers lead to, and clears them: all else in the structs must be the same
// bytes.
static void compare_pointers(void *a, void *b, size_t count, size_t size) {
    char *left;
    char *right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    memset(a, 0, sizeof(left));
    memset(b, 0, sizeof(right));
    if (size > 0 && count > 0) {
        assert_memory_equal(left, right, count * size);
    } else if (size == 0) {
        assert_same_text(left, right);
    }
}

static void compare_section(enum section_id id, char *a, char *b);

static void compare_items(const struct option *option, char *a, char *b) {
    size_t size = option->kind == KIND_SECTION ? section_at(option->inside)->size : sizeof(char *);
    size_t count = *(size_t *)(void *)(a + option->count_offset);
    char *left = *(char **)(void *)(a + option->offset);
    char *right = *(char **)(void *)(b + option->offset);
    assert_int_equal(*(size_t *)(void *)(b + option->count_offset), count);
    for (size_t i = 0; i < count; i++) {
        if (option->kind == KIND_SECTION) {
            compare_section(option->inside, left + i * size, right + i * size);
        } else {
            assert_same_text(*(char **)(void *)(left + i * size),
                             *(char **)(void *)(right + i * size));
        }
    }
    *(char **)(void *)(a + option->offset) = NULL;
    *(char **)(void *)(b + option->offset) = NULL;
}

static void compare_option(const struct option *option, char *a, char *b) {
    struct config_networks *networks = (void *)(a + option->offset);
    struct config_addresses *resolvers = (void *)(a + option->offset);
    struct config_addresses *other_resolvers = (void *)(b + option->offset);
    struct config_networks *others = (void *)(b + option->offset);
    if (option->count_offset != 0) {
        compare_items(option, a, b);
        return;
    }
    switch (option->kind) {
    case KIND_SECTION:
        compare_section(option->inside, a + option->offset, b + option->offset);
        break;
    case KIND_LOG:
        compare_pointers(&((struct config_log *)(void *)(a + option->offset))->path,
                         &((struct config_log *)(void *)(b + option->offset))->path, 0, 0);
        break;
    case KIND_SERVER:
        compare_pointers(&((struct config_server *)(void *)a)->text,
                         &((struct config_server *)(void *)b)->text, 0, 0);
        compare_pointers(&((struct config_server *)(void *)a)->host,
                         &((struct config_server *)(void *)b)->host, 0, 0);
        break;
    case KIND_HASH_BY:
        compare_pointers(&((struct config_hash_by *)(void *)(a + option->offset))->name,
                         &((struct config_hash_by *)(void *)(b + option->offset))->name, 0, 0);
        break;
    case KIND_RESOLVERS:
        assert_int_equal(resolvers->count, other_resolvers->count);
        compare_pointers(&resolvers->items, &other_resolvers->items, resolvers->count,
                         sizeof(struct address));
        break;
    case KIND_NETWORKS:
        assert_int_equal(networks->count, others->count);
        compare_pointers(&networks->items, &others->items, networks->count, sizeof(struct network));
        break;
    case KIND_ADDRESS_FILE: // test_address_file.c has some with addresses
        compare_pointers(&((struct config_address_file *)(void *)(a + option->offset))->path,
                         &((struct config_address_file *)(void *)(b + option->offset))->path, 0, 0);
        break;
    case KIND_YES_NO:
    case KIND_NUMBER:
    case KIND_SIZE:
    case KIND_MILLISECONDS:
    case KIND_SECONDS:
    case KIND_WORD:
    case KIND_STATUS:
    case KIND_LISTEN:
    case KIND_ADMIN:
    case KIND_PERCENT:
    case KIND_STATUSES:
    case KIND_ACCESS_FIELD:
        break;
    default:
        compare_pointers(a + option->offset, b + option->offset, 0, 0);
    }
}

// What is derived from options: the same texts, of the other config.
static void compare_logins(struct config_login *a, struct config_login *b) {
    assert_same_text(a->users, b->users);
    assert_same_text(a->realm, b->realm);
    *a = *b = (struct config_login){.users = NULL};
}

static void compare_reserved(struct config_changes *a, struct config_changes *b) {
    for (size_t i = 0; i < ROUTE_GUARD_COUNT; i++) {
        assert_int_equal(a->reserved[i].count, b->reserved[i].count);
        for (size_t j = 0; j < a->reserved[i].count; j++) {
            assert_same_text(a->reserved[i].items[j], b->reserved[i].items[j]);
        }
        a->reserved[i] = b->reserved[i] = (struct config_names){NULL, 0};
    }
}

static void compare_section(enum section_id id, char *from_a, char *from_b) {
    const struct section *section = section_at(id);
    char *a = malloc(section->size);
    char *b = malloc(section->size);
    assert_true(a != NULL && b != NULL);
    memcpy(a, from_a, section->size);
    memcpy(b, from_b, section->size);
    if (section->title.name != NULL) {
        compare_option(&section->title, a, b);
    }
    for (size_t i = 0; i < section->option_count; i++) {
        compare_option(&section->options[i], a, b);
        // A section inside this struct has been compared: only its pointers differ.
        if (section->options[i].kind == KIND_SECTION && section->options[i].count_offset == 0) {
            size_t size = section_at(section->options[i].inside)->size;
            memset(a + section->options[i].offset, 0, size);
            memset(b + section->options[i].offset, 0, size);
        }
    }
    if (id == SECTION_TOP) {
        compare_pointers(&((struct config *)(void *)a)->path, &((struct config *)(void *)b)->path,
                         0, 0);
        compare_pointers(&((struct config *)(void *)a)->directory,
                         &((struct config *)(void *)b)->directory, 0, 0);
    }
    if (id == SECTION_ROUTE) {
        compare_logins(&((struct config_route *)(void *)a)->login,
                       &((struct config_route *)(void *)b)->login);
    } else if (id == SECTION_REQUEST || id == SECTION_RESPONSE) {
        compare_reserved((struct config_changes *)(void *)a, (struct config_changes *)(void *)b);
    } else if (id == SECTION_AUTHORIZE) { // compared as reserved names of the request
        memset(((struct config_authorize *)(void *)a)->reserved, 0,
               sizeof(char *) * CONFIG_COPIES_MAX);
        memset(((struct config_authorize *)(void *)b)->reserved, 0,
               sizeof(char *) * CONFIG_COPIES_MAX);
    }
    assert_memory_equal(a, b, section->size);
    free(a);
    free(b);
}

// --- Tests ---

static struct config *read_well(struct slice image) {
    char error[CONFIG_ERROR_SIZE];
    struct config *config = image_read(image, "/d/r.conf", error);
    assert_string_equal(error, "");
    assert_non_null(config);
    return config;
}

static void free_image(struct slice image) {
    free((void *)(uintptr_t)image.data);
}

static void test_all_of_a_config_is_in_its_image(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        struct config *config = make_config(actions[i]);
        struct slice image = image_write(config);
        assert_non_null(image.data);
        struct config *copy = read_well(image);
        compare_section(SECTION_TOP, (char *)config, (char *)copy);
        struct slice again = image_write(copy);
        assert_true(slice_equal(image, again));
        free_image(image);
        free_image(again);
        config_free(config);
        config_free(copy);
    }
}

// It has no key, and other certificates have one.
static void test_a_certificate_that_is_ordered(void **state) {
    (void)state;
    struct config *config =
        load("acme { email = a@b.test agree = yes }\n"
             "listen 127.0.0.1:80 { protocol = redirect }\n" LISTEN
             "site a.test { certificate a.pem { key = a.key } certificate acme {}\n"
             "route / { return = 204 } }\n");
    struct slice image = image_write(config);
    struct config *copy = read_well(image);
    assert_string_equal(copy->sites[0].certificates[1].certificate_path, CONFIG_ACME);
    assert_null(copy->sites[0].certificates[1].key_path);
    free(config->path);
    config->path = strdup(copy->path);
    compare_section(SECTION_TOP, (char *)config, (char *)copy);
    free_image(image);
    config_free(config);
    config_free(copy);
}

// What has no value in the text, or its default.
static void test_a_config_of_what_must_be(void **state) {
    (void)state;
    struct config *config = load(REST);
    struct slice image = image_write(config);
    struct config *copy = read_well(image);
    free(config->path);
    config->path = strdup(copy->path);
    compare_section(SECTION_TOP, (char *)config, (char *)copy);
    free_image(image);
    config_free(config);
    config_free(copy);
}

static void test_routes_find_their_backends(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate a.pem { key = a.key }\n"
                                        "route / { backend = b } route /c/ { backend = c } }\n"
                                        "backend b { server 127.0.0.1:9000 {} }\n"
                                        "backend c { server 127.0.0.1:9001 {} }\n");
    struct slice image = image_write(config);
    struct config *copy = read_well(image);
    assert_string_equal(copy->sites[0].routes[0].prefix, "/c/");
    assert_int_equal(copy->sites[0].routes[0].backend_index, 1);
    assert_int_equal(copy->sites[0].routes[1].backend_index, 0);
    free_image(image);
    config_free(config);
    config_free(copy);
}

static void test_listeners_find_their_backends(void **state) {
    (void)state;
    struct config *config =
        load("listen 127.0.0.1:993 { protocol = tcp backend = imap alpn = {imap, x} }\n"
             "listen 127.0.0.1:80 { protocol = redirect }\n"
             "site a.test { certificate a.pem { key = a.key } }\n"
             "backend other { server 127.0.0.1:9000 {} }\n"
             "backend imap { server 127.0.0.1:9001 {} }\n");
    struct slice image = image_write(config);
    struct config *copy = read_well(image);
    assert_int_equal(copy->listeners[0].protocol, LISTEN_TCP);
    assert_string_equal(copy->listeners[0].backend_name, "imap");
    assert_int_equal(copy->listeners[0].backend_index, 1);
    assert_int_equal(copy->listeners[0].alpn_count, 2);
    assert_string_equal(copy->listeners[0].alpn[1], "x");
    assert_null(copy->listeners[1].backend_name);
    assert_int_equal(copy->sites[0].route_count, 0);
    free_image(image);
    config_free(config);
    config_free(copy);
}

// A copy of its own size, so that a sanitizer sees a read past its end.
static void assert_damaged(const char *data, size_t size) {
    char error[CONFIG_ERROR_SIZE];
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    assert_null(image_read((struct slice){copy, size}, "r.conf", error));
    assert_string_equal(error, "r.conf: its image in the bundle is damaged");
    free(copy);
}

static void test_a_cut_image_is_refused(void **state) {
    (void)state;
    struct config *config = make_config("backend");
    struct slice image = image_write(config);
    for (size_t size = 0; size < image.size; size++) {
        assert_damaged(image.data, size);
    }
    free_image(image);
    config_free(config);
}

static void test_bytes_behind_an_image_are_refused(void **state) {
    (void)state;
    struct config *config = load(REST);
    struct slice image = image_write(config);
    char *longer = calloc(1, image.size + 1);
    assert_non_null(longer);
    memcpy(longer, image.data, image.size);
    assert_damaged(longer, image.size + 1);
    longer[0] ^= 1; // another build's
    assert_damaged(longer, image.size);
    free(longer);
    free_image(image);
    config_free(config);
}

static void assert_reads_again(const struct config *config) {
    struct slice image = image_write(config);
    struct config *copy = read_well(image);
    struct slice again = image_write(copy);
    assert_true(slice_equal(image, again));
    free_image(image);
    free_image(again);
    config_free(copy);
}

// Whatever a byte becomes: an error that says so, or a config like any other. (Routes are put in
// order again, addresses written in their one form.)
static void test_any_changed_byte_is_refused_or_harmless(void **state) {
    (void)state;
    struct config *config = load(REST);
    struct slice image = image_write(config);
    char *changed = malloc(image.size);
    assert_non_null(changed);
    for (size_t i = 0; i < image.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            char error[CONFIG_ERROR_SIZE];
            memcpy(changed, image.data, image.size);
            changed[i] = (char)(changed[i] ^ (1 << bit));
            struct slice bytes = {changed, image.size};
            struct config *copy = image_read(bytes, "r.conf", error);
            assert_int_equal(copy == NULL, error[0] != '\0');
            if (copy != NULL) {
                assert_reads_again(copy);
            }
            config_free(copy);
        }
    }
    free(changed);
    free_image(image);
    config_free(config);
}

static void test_no_memory_is_an_error(void **state) {
    (void)state;
    struct config *config = make_config("backend");
    struct slice image = image_write(config);
    memory_fail_at(1);
    struct slice none = image_write(config);
    assert_int_equal(memory_again(), MEMORY_CAN_FAIL);
    assert_int_equal(none.data == NULL, MEMORY_CAN_FAIL);
    free_image(none);
    bool failed = true;
    uint64_t n;
    for (n = 1; failed; n++) {
        char error[CONFIG_ERROR_SIZE];
        int64_t before = no_memory.blocks;
        memory_fail_at(n);
        struct config *copy = image_read(image, "r.conf", error);
        failed = memory_again();
        assert_int_equal(copy == NULL, failed);
        assert_string_equal(error, failed ? "r.conf: out of memory" : "");
        config_free(copy);
        assert_int_equal(no_memory.blocks, before);
    }
    assert_true(!MEMORY_CAN_FAIL || n > 100);
    free_image(image);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_a_config_is_in_its_image),
        cmocka_unit_test(test_a_certificate_that_is_ordered),
        cmocka_unit_test(test_a_config_of_what_must_be),
        cmocka_unit_test(test_routes_find_their_backends),
        cmocka_unit_test(test_listeners_find_their_backends),
        cmocka_unit_test(test_a_cut_image_is_refused),
        cmocka_unit_test(test_bytes_behind_an_image_are_refused),
        cmocka_unit_test(test_any_changed_byte_is_refused_or_harmless),
        cmocka_unit_test(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
