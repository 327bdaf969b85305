// Configurations of several files: which file is read where, and what messages name.
#include "bundle_folder.h"
#include "config/include.h"
#include "config/text.h"

#include <errno.h>

#define WHOLE                                                                                      \
    LISTEN "site a.test {\ncertificate a.pem { key = a.key }\nroute / { backend = b }\n}\n"

#define BACKEND_B "backend b { server 127.0.0.1:1 {} }"

static void put(const struct folder *folder, const char *name, const char *text) {
    write_with_mode(folder, name, text, 0644);
}

// What is said of the configuration, with "@" for the folder of the test.
static void assert_error(struct folder *folder, const char *expected) {
    struct bundle_pair pair;
    struct config *config;
    char text[CONFIG_ERROR_SIZE];
    size_t descriptors = count_descriptors();
    if (bundle_read(config_path(folder), &pair, &config, error) == RESULT_OK) {
        fail_msg("accepted, instead of: %s", expected);
    }
    assert_int_equal(count_descriptors(), descriptors);
    size_t size = 0;
    for (const char *c = expected; *c != '\0'; c++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, *c == '@' ? "%s" : "%.1s",
                                 *c == '@' ? folder->path : c);
    }
    assert_string_equal(error, text);
}

static void test_files_are_read_in_the_order_of_their_names(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", WHOLE "include \"b*.inc\"\n");
    put(folder, "b2.inc", "backend two { server 127.0.0.1:2 {} }");
    put(folder, "b10.inc", "backend ten { server 127.0.0.1:10 {} }\n");
    put(folder, "b.inc", "# the first\nbackend b { server 127.0.0.1:1 {} }");
    put(folder, ".b.inc", "an editor's copy");
    put(folder, "b.inc~", "an editor's copy");
    read_well(folder);
    assert_int_equal(folder->config->backend_count, 3);
    assert_string_equal(folder->config->backends[0].name, "b");
    assert_string_equal(folder->config->backends[1].name, "ten");
    assert_string_equal(folder->config->backends[2].name, "two");
    struct place place = config_place(folder->config, folder->config->backends[0].line);
    assert_string_equal(place.file, in_folder(folder, "b.inc"));
    assert_int_equal(place.line, 2);
    place = config_place(folder->config, folder->config->sites[0].line);
    assert_string_equal(place.file, config_path(folder));
    assert_int_equal(place.line, 2);
}

static void test_it_may_stand_wherever_an_option_may(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf",
        LISTEN "site a.test {\ncertificate a.pem { key = a.key } route / { include 'r.inc' "
               "backend = b } route /x { include\n'r.inc' backend = b } }\n"
               "backend b { server 127.0.0.1:9000 { include \"s.inc\" } }\n");
    put(folder, "r.inc", "rate = 5 # include \"nothing\"\n");
    put(folder, "s.inc", "");
    read_well(folder);
    assert_int_equal(folder->config->sites[0].routes[0].rate, 5);
    assert_int_equal(folder->config->sites[0].routes[1].rate, 5);
}

static void test_the_word_elsewhere_is_none(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf",
        LISTEN "site a.test {\naliases = {include, \"b.test\"}\n"
               "certificate a.pem { key = a.key }\nroute / { backend = include }\n}\n"
               "backend include { server 127.0.0.1:9000 {} }\n");
    read_well(folder);
    assert_string_equal(folder->config->backends[0].name, "include");
    assert_int_equal(folder->config->parts.count, 0);
}

static void test_a_pattern_may_match_nothing_but_a_name_must_be_there(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", TEXT "include \"none*.conf\"\ninclude \"nowhere/*\"\n");
    read_well(folder);
    put(folder, "r.conf", TEXT "\ninclude \"none.conf\"\n");
    assert_error(folder, "@/r.conf:8: include 'none.conf': @/none.conf: No such file or directory");
    assert_int_equal(mkfifo(in_folder(folder, "pipe"), 0600), 0);
    put(folder, "r.conf", TEXT "include 'pipe'\n");
    assert_error(folder, "@/r.conf:7: include 'pipe': @/pipe: not a regular file");
}

static void test_messages_name_the_file_and_the_line(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", "include 'x.inc' workers = 0\n\nworkers = 2\n" TEXT);
    put(folder, "x.inc", "\nuser = \"a b\"\n");
    assert_error(folder, "@/x.inc:2: user must be a name of letters, digits, '.', '_' and '-', not "
                         "'a b'\n"
                         "@/r.conf:1: workers must be auto, or a number from 1 to 256, not '0'\n"
                         "@/r.conf:3: duplicate option 'workers', first on line 1");
    put(folder, "x.inc", "\n\nwrokers = 2\n");
    assert_error(folder, "@/x.inc:3: unknown option 'wrokers'; did you mean 'workers'?\n"
                         "@/r.conf:1: workers must be auto, or a number from 1 to 256, not '0'\n"
                         "@/r.conf:3: duplicate option 'workers', first on line 1");
    put(folder, "x.inc", "workers = 3\n");
    put(folder, "r.conf", "include 'x.inc'\nworkers = 1\n" TEXT);
    assert_error(folder, "@/r.conf:2: duplicate option 'workers', first in @/x.inc:1");
    put(folder, "x.inc", BACKEND_B);
    put(folder, "r.conf", TEXT "include 'x.inc'");
    assert_error(folder, "@/x.inc:1: duplicate backend 'b', first in @/r.conf:6");
    put(folder, "x.inc",
        "site b.test { certificate no.pem { key = a.key } route / { return = 404 } }");
    assert_error(folder, "@/x.inc:1: certificate '@/no.pem': No such file or directory");
}

static void test_each_file_is_whole(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", TEXT "include 'x.inc' }\n");
    put(folder, "x.inc", "\nbackend c {");
    assert_error(folder, "@/r.conf:7: '}' without a '{' before it");
    put(folder, "r.conf", TEXT "include 'x.inc'\n");
    assert_error(folder, "@/x.inc:2: the '{' of this line is still open at the end of the file");
    put(folder, "x.inc", "\n\"");
    assert_error(folder, "@/x.inc:2: this line has an opening quote without a closing one");
}

static void test_other_ways_to_write_it_get_a_hint(void **state) {
    struct folder *folder = *state;
    static const char hint[] = "@/r.conf:7: unknown option 'include': write include \"FILE\", with "
                               "quotes and without '='";
    put(folder, "r.conf", TEXT "include x.inc\n");
    assert_error(folder, hint);
    put(folder, "r.conf", TEXT "include = \"x.inc\"\n");
    assert_error(folder, hint);
    put(folder, "r.conf", TEXT "include(\"x.inc\")\n");
    assert_error(folder, hint);
}

static void test_loops_and_bounds(void **state) {
    struct folder *folder = *state;
    char name[16];
    char text[64];
    put(folder, "r.conf", TEXT "include 'x.inc'\n");
    put(folder, "x.inc", "\ninclude 'x.inc'");
    assert_error(folder, "@/x.inc:2: include 'x.inc': the file includes itself");
    put(folder, "x.inc", "include 'y*.inc'");
    put(folder, "y.inc", "include 'x.inc'");
    assert_error(folder, "@/y.inc:1: include 'x.inc': the file includes itself");
    put(folder, "y.inc", "include '1.inc'");
    for (int i = 1; i < INCLUDE_DEPTH_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%d.inc", i);
        (void)snprintf(text, sizeof(text), "include '%d.inc'", i + 1);
        put(folder, name, i == INCLUDE_DEPTH_MAX - 3 ? "" : text);
    }
    read_well(folder);
    put(folder, "5.inc", "include '6.inc'");
    put(folder, "6.inc", "");
    assert_error(folder, "@/5.inc:1: include '6.inc': too many files inside files; is one of them "
                         "inside itself?");
}

static void test_the_size_of_all_together(void **state) {
    struct folder *folder = *state;
    size_t size = CONFIG_TEXT_MAX - sizeof(TEXT "include 'x.inc'\n\n");
    char *text = malloc(size + 64);
    assert_non_null(text);
    memset(text, '\n', size + 64);
    put(folder, "r.conf", TEXT "include 'x.inc'\n");
    write_file(folder, "x.inc", text, size);
    read_well(folder);
    write_file(folder, "x.inc", text, size + 64);
    free(text);
    assert_error(folder, "@/r.conf: larger than 4 MiB with the files that it includes");
}

// The text in use counts, until the configuration is read from disk again.
static void test_reading_again_includes_what_was_included(void **state) {
    struct folder *folder = *state;
    struct bundle_pair again;
    struct config *config;
    put(folder, "r.conf", WHOLE "include \"b*.inc\"\ninclude 'x.inc'\n");
    put(folder, "b1.inc", "include \"../*/b.inc\"");
    put(folder, "b.inc", "");
    put(folder, "x.inc", "backend b { server 127.0.0.1:1 {} }");
    read_well(folder);
    assert_int_equal(unlink(in_folder(folder, "x.inc")), 0);
    put(folder, "b1.inc", "nonsense");
    put(folder, "b2.inc", "nonsense");
    if (bundle_read_again(&folder->pair.files, NULL, &again, &config, error) != RESULT_OK) {
        fail_msg("%s", error);
    }
    assert_true(bundle_equal(&folder->pair.files, &again.files));
    config_free(config);
    bundle_close_pair(&again);
}

// The image has the places, too.
static void test_a_bundle_names_the_places(void **state) {
    struct folder *folder = *state;
    put(folder, "r.conf", WHOLE "include 'x.inc'\n");
    put(folder, "x.inc", "\n\nbackend b { server 127.0.0.1:1 {} }");
    read_well(folder);
    struct config *config = bundle_config(&folder->pair.files, "r.conf", error);
    assert_non_null(config);
    struct place place = config_place(config, config->backends[0].line);
    assert_string_equal(place.file, in_folder(folder, "x.inc"));
    assert_int_equal(place.line, 3);
    place = config_place(config, config->sites[0].line);
    assert_string_equal(place.file, "r.conf");
    config_free(config);
    assert_null(bundle_file(&folder->pair.files, in_folder(folder, "x.inc")).data);
}

static void test_a_text_without_files(void **state) {
    (void)state;
    static const char text[] = "\ninclude 'x'\n" TEXT;
    assert_null(config_load("t.conf", text, sizeof(text) - 1, error));
    assert_string_equal(error, "t.conf:2: include 'x': not in a text without files");
}

static void test_a_folder_that_cannot_be_read(void **state) {
    struct folder *folder = *state;
    if (geteuid() == 0) {
        skip(); // root reads every folder
    }
    put(folder, "r.conf", TEXT "include \"d/*\"\n");
    assert_int_equal(mkdir(in_folder(folder, "d"), 0), 0);
    assert_error(folder, "@/r.conf:7: include 'd/*': a folder cannot be read");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_files_are_read_in_the_order_of_their_names),
        TEST(test_it_may_stand_wherever_an_option_may),
        TEST(test_the_word_elsewhere_is_none),
        TEST(test_a_pattern_may_match_nothing_but_a_name_must_be_there),
        TEST(test_messages_name_the_file_and_the_line),
        TEST(test_each_file_is_whole),
        TEST(test_other_ways_to_write_it_get_a_hint),
        TEST(test_loops_and_bounds),
        TEST(test_the_size_of_all_together),
        TEST(test_reading_again_includes_what_was_included),
        TEST(test_a_bundle_names_the_places),
        TEST(test_a_text_without_files),
        TEST(test_a_folder_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
