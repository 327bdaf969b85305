// The option table: what it says is what config_load() does, and what conf/README.md says.
#include "config/options.h"

#include "config/quantity.h"
#include "config/reference.h"
#include "config_text.h"

// A right configuration but for `line`, which stands in the given section.
static void text_with(enum section_id id, const char *line, char *text, size_t size) {
    const char *in[SECTION_COUNT];
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        in[i] = i == id ? line : "";
    }
    // What other options need.
    bool moves = strncmp(line, "redirect-rest", 13) == 0;
    bool acts = moves || strncmp(line, "redirect =", 10) == 0 || strncmp(line, "return =", 8) == 0;
    bool pages =
        id == SECTION_ROUTE && (strncmp(line, "text", 4) == 0 || strncmp(line, "file", 4) == 0 ||
                                strncmp(line, "type", 4) == 0);
    bool types = strncmp(line, "type", 4) == 0;
    bool asks =
        strncmp(line, "client-certificate", 18) == 0 || strncmp(line, "client-crl", 10) == 0;
    bool hashes = strncmp(line, "hash-by", 7) == 0;
    bool answers = strncmp(line, "acme-challenge", 14) == 0 || strncmp(line, "https-port", 10) == 0;
    bool forwards = strcmp(line, "protocol = tcp") == 0;
    bool names = strncmp(line, "addresses", 9) == 0;
    bool logs = strncmp(line, "access-log-fields", 17) == 0;
    bool guards = id == SECTION_AUTHORIZE;
    bool trusts = id == SECTION_TOP && strncmp(line, "trusted-proxies", 15) == 0;
    (void)snprintf(
        text, size,
        "%s %s %s\n tls { %s } acme { %s } limits { %s } http2 { %s } listen 127.0.0.1:1 { %s %s "
        "}\n"
        "site a.test { %s certificate c { key = k %s }\n"
        "route / { %s %s request { %s } response { %s } %s %s %s } %s error-page 502 { %s %s } }\n"
        "backend b { health /h { %s } server %s:9000 { %s } %s %s }\n",
        trusts ? "" : "trusted-proxies = 192.0.2.1", logs ? "request-id = yes" : "",
        in[SECTION_TOP], in[SECTION_TLS], in[SECTION_ACME], in[SECTION_LIMITS], in[SECTION_HTTP2],
        in[SECTION_LISTEN],
        answers    ? "protocol = redirect"
        : forwards ? "backend = b"
                   : "",
        asks ? "client-ca = a" : "", in[SECTION_CERTIFICATE],
        moves            ? "redirect = /"
        : types && pages ? "return = 200 text = x"
        : pages          ? "return = 200"
        : acts           ? ""
                         : "backend = b",
        in[SECTION_ROUTE], in[SECTION_REQUEST], in[SECTION_RESPONSE],
        guards ? "authorize /a {" : "", in[SECTION_AUTHORIZE], guards ? "}" : "", in[SECTION_SITE],
        in[SECTION_ERROR_PAGE], types || in[SECTION_ERROR_PAGE][0] == '\0' ? "text = x" : "",
        in[SECTION_HEALTH], names ? "app.test" : "127.0.0.1", in[SECTION_SERVER],
        hashes ? "balance = hash" : "", in[SECTION_BACKEND]);
}

static bool is_accepted(enum section_id id, const struct option *option, const char *value) {
    char line[256];
    char text[1024];
    char error[CONFIG_ERROR_SIZE];
    (void)snprintf(line, sizeof(line), "%s = %s", option->name, value);
    text_with(id, line, text, sizeof(text));
    struct config *config = config_load("t.conf", text, strlen(text), error);
    config_free(config);
    return config != NULL;
}

typedef void visitor(enum section_id id, const struct option *option);

static void visit_options(visitor *visit) {
    for (enum section_id id = SECTION_TOP; id < SECTION_COUNT; id++) {
        const struct section *section = section_at(id);
        for (size_t i = 0; i < section->option_count; i++) {
            visit(id, &section->options[i]);
        }
    }
}

static void check_row(enum section_id id, const struct option *option) {
    assert_ptr_equal(option_find(id, option->name), option);
    assert_non_null(option->help);
    assert_true(option->least <= option->most && option->most > 0);
    assert_true(option->minimum <= option->maximum);
    assert_true(option->maximum / (option->kind == KIND_SECONDS ? 1000 : 1) <= UINT32_MAX);
    if (option->kind == KIND_SECTION) {
        assert_string_equal(option->name, section_at(option->inside)->name);
    }
}

static void test_every_row_is_sound(void **state) {
    (void)state;
    visit_options(check_row);
    for (enum section_id id = SECTION_TOP; id < SECTION_COUNT; id++) {
        assert_true(section_at(id)->option_count <= SECTION_OPTIONS_MAX);
    }
}

static void check_default(enum section_id id, const struct option *option) {
    if (option->initial != NULL && !is_accepted(id, option, option->initial)) {
        fail_msg("%s = %s", option->name, option->initial);
    }
}

static void test_every_default_may_be_written(void **state) {
    (void)state;
    visit_options(check_default);
}

static void assert_value(enum section_id id, const struct option *option, uint64_t number,
                         bool expected) {
    const char *suffix =
        option->kind == KIND_MILLISECONDS || option->kind == KIND_SECONDS ? "ms" : "";
    char value[32];
    (void)snprintf(value, sizeof(value), "%llu%s", (unsigned long long)number, suffix);
    if (is_accepted(id, option, value) != expected) {
        fail_msg("%s = %s", option->name, value);
    }
}

static void check_range(enum section_id id, const struct option *option) {
    if (option->kind != KIND_NUMBER && option->kind != KIND_SIZE &&
        option->kind != KIND_MILLISECONDS && option->kind != KIND_SECONDS) {
        return;
    }
    uint64_t step = option->kind == KIND_SECONDS ? 1000 : 1;
    assert_value(id, option, option->minimum, true);
    assert_value(id, option, option->maximum, true);
    assert_value(id, option, option->maximum + step, false);
    if (option->minimum > step) {
        assert_value(id, option, option->minimum - step, false);
    }
}

static void test_ranges_end_where_the_table_says(void **state) {
    (void)state;
    visit_options(check_range);
}

static void check_words(enum section_id id, const struct option *option) {
    for (size_t i = option->minimum; option->words != NULL && option->words[i] != NULL; i++) {
        bool takes_name = option->kind == KIND_HASH_BY && i >= HASH_BY_HEADER;
        assert_int_equal(is_accepted(id, option, option->words[i]), !takes_name);
    }
    if (option->words != NULL || option->kind == KIND_YES_NO) {
        assert_false(is_accepted(id, option, "no-such-word"));
    }
}

static void test_words_are_those_of_the_table(void **state) {
    (void)state;
    visit_options(check_words);
}

static void test_options_of_a_section(void **state) {
    (void)state;
    assert_non_null(option_find(SECTION_TOP, "workers"));
    assert_null(option_find(SECTION_TOP, "weight"));
}

static void test_descriptions(void **state) {
    (void)state;
    static const struct {
        enum section_id id;
        const char *name, *expected;
    } cases[] = {
        {SECTION_TOP, "workers", "auto, or a number from 1 to 256"},
        {SECTION_TOP, "log", "stderr, syslog, journal or a file"},
        {SECTION_TOP, "access-log-format", "json, combined or combined-reason"},
        {SECTION_TLS, "ticket-lifetime", "0, or a time from 1m to 1d"},
        {SECTION_LIMITS, "header-size", "a size from 1k to 64k"},
        {SECTION_LIMITS, "response-header-size", "a size from 4k to 256k"},
        {SECTION_BACKEND, "balance", "round-robin, least-connections, random-two or hash"},
        {SECTION_BACKEND, "hash-by", "client, path, header NAME or cookie NAME"},
        {SECTION_ACME, "ca", "a file"},
        {SECTION_ACME, "folder", "a folder"},
        {SECTION_LISTEN, "acme-challenge", "a folder"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[REFERENCE_TEXT_SIZE];
        reference_describe(option_find(cases[i].id, cases[i].name), text);
        assert_string_equal(text, cases[i].expected);
    }
}

static void test_quantities(void **state) {
    (void)state;
    static const struct {
        enum quantity quantity;
        const char *text;
        uint64_t value;
    } cases[] = {
        {QUANTITY_NUMBER, "0", 0},        {QUANTITY_NUMBER, "4294967295", UINT32_MAX},
        {QUANTITY_SIZE, "1023", 1023},    {QUANTITY_SIZE, "4k", 4096},
        {QUANTITY_SIZE, "3m", 3 << 20},   {QUANTITY_SIZE, "2g", UINT64_C(2) << 30},
        {QUANTITY_TIME, "999ms", 999},    {QUANTITY_TIME, "61s", 61000},
        {QUANTITY_TIME, "59m", 3540000},  {QUANTITY_TIME, "25h", 90000000},
        {QUANTITY_TIME, "2d", 172800000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 7;
        char text[QUANTITY_TEXT_SIZE];
        assert_null(quantity_parse(cases[i].quantity, cases[i].text, &value));
        assert_int_equal(value, cases[i].value);
        quantity_format(cases[i].quantity, value, text);
        assert_string_equal(text, value == 0 ? "0" : cases[i].text);
    }
    static const char *const refused[] = {
        "", "x", "-1", "+1", " 1", "1 ", "1.5s", "1S", "1sm", "0x10", "99999999999999999999999s"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint64_t value;
        assert_non_null(quantity_parse(QUANTITY_TIME, refused[i], &value));
    }
}

static char *printed_reference(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    reference_print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void check_printed(enum section_id id, const struct option *option) {
    (void)id;
    char *text = printed_reference();
    char line[256];
    const char *initial = option->initial != NULL ? option->initial
                          : option->least > 0     ? "(required)"
                                                  : "(none)";
    if (option->kind == KIND_SECTION) {
        (void)snprintf(line, sizeof(line), "%s ", option->name);
    } else {
        (void)snprintf(line, sizeof(line), "%s = %s ", option->name, initial);
    }
    if (strstr(text, line) == NULL || strstr(text, option->help) == NULL) {
        fail_msg("'%s' is not in the reference", line);
    }
    free(text);
}

static void test_the_reference_names_every_option(void **state) {
    (void)state;
    visit_options(check_printed);
}

// To bring it up to date: put what `ravelin help config` prints between its last two lines of ```.
static void test_the_readme_holds_the_reference(void **state) {
    (void)state;
    char *readme = read_text("conf/README.md");
    char *reference = printed_reference();
    assert_non_null(strstr(readme, reference));
    free(reference);
    free(readme);
}

static void test_the_example_of_the_readme_is_right(void **state) {
    (void)state;
    char *readme = read_text("conf/README.md");
    char *start = strstr(readme, "```\n");
    assert_non_null(start);
    char *end = strstr(start + 4, "```\n");
    assert_non_null(end);
    struct config *config = load_bytes(start + 4, (size_t)(end - start - 4));
    assert_int_equal(config->backends[1].server_count, 3);
    config_free(config);
    free(readme);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_sound),
        cmocka_unit_test(test_every_default_may_be_written),
        cmocka_unit_test(test_ranges_end_where_the_table_says),
        cmocka_unit_test(test_words_are_those_of_the_table),
        cmocka_unit_test(test_options_of_a_section),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_the_reference_names_every_option),
        cmocka_unit_test(test_the_readme_holds_the_reference),
        cmocka_unit_test(test_the_example_of_the_readme_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
