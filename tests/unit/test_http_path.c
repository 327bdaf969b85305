// Paths: which are refused at once, and how the others are read.
#include "http/path.h"
#include "http_cases.h"

#define FINE NULL
#define DISGUISE "encoded dot segment in the path"
#define CLIMBS "dot segment that climbs above the root or removes something doubtful"
#define NUL "encoded NUL in the path"
#define BACKSLASH "backslash in the path"

static const struct {
    const char *path;
    const char *why;
    // How the farthest reading goes; a '?' before what is doubtful, '!' where it is lost.
    const char *reading;
} cases[] = {
    // clang-format off
    {"/", FINE, "/"},
    {"/a/b.c/", FINE, "/a/b.c/"},
    {"/%61%2D%7e%3A", FINE, "/a-~:"},
    {"/caf%C3%A9", FINE, "/caf\xc3\xa9"},
    // Dot segments, plainly written.
    {"/.", FINE, "/"},
    {"/./", FINE, "/"},
    {"/./a/./b/.", FINE, "/a/b/"},
    {"/a/..", FINE, "/"},
    {"/a/../", FINE, "/"},
    {"/a/b/../../c", FINE, "/c"},
    {"/a/b/..", FINE, "/a/"},
    {"/a/../b/../c/./d", FINE, "/c/d"},
    {"/%61/../b", FINE, "/b"},
    {"/a;b/../c", FINE, "/c"},
    {"/..", CLIMBS, NULL},
    {"/../a", CLIMBS, NULL},
    {"/a/../..", CLIMBS, NULL},
    {"/./..", CLIMBS, NULL},
    {"/a/../../b/c", CLIMBS, NULL},
    // Removing an empty segment removes different things.
    {"//..", CLIMBS, NULL},
    {"/a//../b", CLIMBS, NULL},
    {"/;a/../b", CLIMBS, NULL},
    {"/%3b/../b", CLIMBS, NULL},
    {"/a%2fb/../c", CLIMBS, NULL},
    {"/a%5Cb/../c", CLIMBS, NULL},
    {"/a%252fb/../c", CLIMBS, NULL},
    {"/a%c0%afb/../c", CLIMBS, NULL},
    // What only begins or ends with dots.
    {"/.a/..b/c../d.", FINE, "/.a/..b/c../d."},
    {"/.../", FINE, "/.../"},
    {"/%2e%2e%2e", FINE, "/..."},
    {"/%2ea", FINE, "/.a"},
    {"/a%2e%2e/", FINE, "/a../"},
    // In disguise.
    {"/%2e", DISGUISE, NULL},
    {"/%2e%2e", DISGUISE, NULL},
    {"/.%2E/a", DISGUISE, NULL},
    {"/a/%2e./b", DISGUISE, NULL},
    {"/a/..%2fb", DISGUISE, NULL},
    {"/a%2f../b", DISGUISE, NULL},
    {"/a%5c..", DISGUISE, NULL},
    {"/a/..%5Cb", DISGUISE, NULL},
    {"/..;", DISGUISE, NULL},
    {"/a/..;b=c/d", DISGUISE, NULL},
    {"/a/.;/d", DISGUISE, NULL},
    {"/a/..%3bb/d", DISGUISE, NULL},
    {"/%252e%252e/a", DISGUISE, NULL},
    {"/%252e./a", DISGUISE, NULL},
    {"/%25%32%65/a", DISGUISE, NULL},
    {"/%25%32e/a", DISGUISE, NULL},
    {"/a/..%252f", DISGUISE, NULL},
    {"/%c0%ae./a", DISGUISE, NULL},
    {"/a/..%c0%afb", DISGUISE, NULL},
    {"/a/..%c1%9cb", DISGUISE, NULL},
    // Three times is once too often to be looked at; it is no dot segment to anybody who decodes
    // twice.
    {"/%25252e%25252e/a", FINE, "/?%2e?%2e/a"},
    // Bytes that cannot be.
    {"/%00", NUL, NULL},
    {"/a%2500b", NUL, NULL},
    {"/a%c0%80", NUL, NULL},
    {"/a\\b", BACKSLASH, NULL},
    {"/\\", BACKSLASH, NULL},
    {"/%0d%0a%7f", FINE, "/\r\n\x7f"},
    // Doubtful ones.
    {"//", FINE, "/?"},
    {"/a//b///c", FINE, "/a/?b/??c"},
    {"/a%2fb", FINE, "/a?/b"},
    {"/a/%2Fb", FINE, "/a/?b"},
    {"/a%5cb", FINE, "/a?/b"},
    {"/a%252fb%255c", FINE, "/a?/b?/"},
    {"/a%c0%afb", FINE, "/a?/b"},
    {"/%2561", FINE, "/?a"},
    {"/%25", FINE, "/%"},
    {"/%2525", FINE, "/?%"},
    {"/%25zz", FINE, "/%zz"},
    {"/%c1%81", FINE, "/?A"},
    {"/%c0x", FINE, "/\xc0x"},
    {"/%c2%81", FINE, "/\xc2\x81"},
    {"/a;b/c", FINE, "/a?/c"},
    {"/a;b;c=d", FINE, "/a?"},
    {"/;/a", FINE, "/??a"},
    {"/a%3bb/c", FINE, "/a?/c"},
    {"/a;b%2fc/d", FINE, "/a!"},
    {"/a;b%255cc", FINE, "/a!"},
    // clang-format on
};

static struct slice read_all(struct slice path, char *text) {
    struct http_path_reader reader;
    size_t size = 0;
    http_path_reader_init(&reader, path);
    for (;;) {
        char byte = '?';
        enum http_path_step step = http_path_next(&reader, &byte);
        if (step == PATH_END) {
            return (struct slice){text, size};
        }
        if (step == PATH_LOST) {
            text[size++] = '!';
            return (struct slice){text, size};
        }
        if (step != PATH_BYTE) {
            text[size++] = '?';
        }
        if (step != PATH_DOUBTFUL) {
            text[size++] = byte;
        }
    }
}

static void reads_paths(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice path = copy_of(slice_from(cases[i].path));
        char text[128];
        const char *why = http_check_path(path);
        print_message("%s\n", cases[i].path);
        if (cases[i].why == NULL) {
            assert_null(why);
            assert_slice(read_all(path, text), cases[i].reading);
        } else {
            assert_non_null(why);
            assert_string_equal(why, cases[i].why);
        }
        free((char *)path.data);
    }
}

// Dot segments are resolved in a space of bounded size; without them a path may be longer.
static void bounds_dotted_paths(void **state) {
    (void)state;
    static char text[HTTP_DOTTED_PATH_MAX + 2];
    static char reading[sizeof text];
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_null(http_check_path((struct slice){text, sizeof text}));
    put(text, SLICE("/x/../"));
    assert_null(http_check_path((struct slice){text, HTTP_DOTTED_PATH_MAX}));
    struct slice read = read_all((struct slice){text, HTTP_DOTTED_PATH_MAX}, reading);
    assert_int_equal(read.size, HTTP_DOTTED_PATH_MAX - 5);
    assert_string_equal(http_check_path((struct slice){text, HTTP_DOTTED_PATH_MAX + 1}),
                        "dot segment in a path over 4 KiB");
    put(text, SLICE("/x/.../"));
    assert_null(http_check_path((struct slice){text, sizeof text}));
    assert_int_equal(read_all((struct slice){text, sizeof text}, reading).size, sizeof text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_paths),
        cmocka_unit_test(bounds_dotted_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
