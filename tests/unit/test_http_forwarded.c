// What trusted proxies say about the client: how it is read, and that both kinds of fields tell a
// server the same.
#include "http_cases.h"

#include "http/forwarded.h"

static const struct network networks[] = {{.bytes = {10}, .bits = 8}};
static const struct network_set no_set = {.count = 0};
static const struct network_lists proxies = {networks, 1, &no_set};

static void node_is(const char *text, enum http_node_kind kind, const char *address) {
    struct slice copy = copy_of(slice_from(text));
    struct http_node node = {.kind = NODE_UNREADABLE};
    http_node_read(copy, &node);
    if (node.kind != kind) {
        fail_msg("'%s' is read as kind %d", text, node.kind);
    }
    if (kind == NODE_ADDRESS) {
        union ip_address wanted;
        assert_true(ip_address_parse(slice_from(address), &wanted));
        if (!ip_address_same_host(&node.address, &wanted)) {
            fail_msg("'%s' is not read as %s", text, address);
        }
    }
    free((char *)copy.data);
}

static void addresses_are_read_in_every_form(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"203.0.113.7", "203.0.113.7"},
        {" \t203.0.113.7\t ", "203.0.113.7"},
        {"203.0.113.7:51234", "203.0.113.7"},
        {"203.0.113.7:0", "203.0.113.7"},
        {"203.0.113.7:65535", "203.0.113.7"},
        {"203.0.113.7:", "203.0.113.7"},
        {"203.0.113.7:_port", "203.0.113.7"},
        {"\"203.0.113.7\"", "203.0.113.7"},
        {"\"203.0.113.7:80\"", "203.0.113.7"},
        {"2001:db8::7", "2001:db8::7"},
        {"2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"[2001:db8::7]:443", "2001:db8::7"},
        {"\"[2001:db8::7]:443\"", "2001:db8::7"},
        {"\" [2001:db8::7]:443 \"", "2001:db8::7"},
        {"::ffff:203.0.113.7", "203.0.113.7"},
        {"[::ffff:cb00:7107]:80", "203.0.113.7"},
        {"fe80::1%eth0", "fe80::1"},
        {"[fe80::1%25eth0]:80", "fe80::1"},
        {"::1", "::1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node_is(cases[i][0], NODE_ADDRESS, cases[i][1]);
    }
}

static void names_that_hide_an_address_are_none(void **state) {
    (void)state;
    static const char *const cases[] = {"unknown", "UNKNOWN",  "Unknown:80", "_hidden",
                                        "_a.b-c",  "\"_x:1\"", "_x:_y",      " unknown "};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node_is(cases[i], NODE_HIDDEN, NULL);
    }
}

static void what_has_no_one_reading_is_unreadable(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "\"",
        "\"\"",
        "[]",
        "[",
        "]",
        ":",
        ":80",
        "-",
        "_",
        "localhost",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.07",
        "203.0.113.7.",
        "203.0.113.7 x",
        "203.0.113.7:65536",
        "203.0.113.7:123456",
        "203.0.113.7:-1",
        "203.0.113.7:8 0",
        "203.0.113.7%eth0",
        "203.0.113.7/32",
        "[203.0.113.7]",
        "[203.0.113.7]:80",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]80",
        "[2001:db8::7]:x",
        "[[2001:db8::7]]",
        "[2001:db8::7%]",
        "2001:db8::7::1",
        "2001:db8:1:2:3:4:5:6:443",
        "\"203.0.113.7",
        "203.0.113.7\"",
        "\"203.0\\.113.7\"",
        "for=203.0.113.7",
        "unknown host",
        "_hid den",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node_is(cases[i], NODE_UNREADABLE, NULL);
    }
    struct http_node node = {.kind = NODE_ADDRESS};
    http_node_read((struct slice){"203.0.113.7\0", 12}, &node);
    assert_int_equal(node.kind, NODE_UNREADABLE);
}

// --- requests ---

struct reading {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    struct http_told told;
    struct slice head;
};

static struct reading *read_lines(const char *lines) {
    static char text[70000];
    struct reading *reading = calloc(1, sizeof *reading);
    struct http_request request;
    struct http_refusal refusal;
    assert_non_null(reading);
    int size = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", lines);
    assert_true(size > 0 && (size_t)size < sizeof text);
    reading->head = copy_of((struct slice){text, (size_t)size});
    reading->fields = (struct http_fields){reading->items, 0, FIELDS_MAX};
    if (http_parse_request(reading->head, &reading->fields, &request, &refusal) != RESULT_OK) {
        fail_msg("%s", refusal.why);
    }
    memset(&reading->told, 0xff, sizeof reading->told);
    http_told_read(&reading->fields, &proxies, &reading->told);
    return reading;
}

static void done(struct reading *reading) {
    free((char *)reading->head.data);
    free(reading);
}

#define XFF "X-Forwarded-For: "
#define XFP "X-Forwarded-Proto: "
#define XFH "X-Forwarded-Host: "

// `client`: its address, "?" for unknown, "" for the peer. `written`: what the server gets.
static void told(const char *lines, const char *client, const char *written) {
    struct reading *reading = read_lines(lines);
    const struct http_told *told = &reading->told;
    union ip_address address;
    enum http_told_client kind = client[0] == '?'    ? CLIENT_UNKNOWN
                                 : client[0] == '\0' ? CLIENT_PEER
                                                     : CLIENT_ADDRESS;
    if (told->kind != kind) {
        fail_msg("%s: kind %d", lines, told->kind);
    }
    assert_true((kind == CLIENT_UNKNOWN) <= (told->unread.size > 0));
    if (kind == CLIENT_ADDRESS) {
        assert_true(ip_address_parse(slice_from(client), &address));
        if (!ip_address_same_host(&address, &told->nodes[told->client].address)) {
            fail_msg("%s: not %s", lines, client);
        }
    }
    char output[4096];
    struct writer writer = writer_begin(output, sizeof output - 1);
    http_told_write(&writer, told, SLICE("10.0.0.1"), SLICE("https"), SLICE("h"));
    output[writer_finish(&writer)] = '\0';
    assert_string_equal(output, written);
    done(reading);
}

static void the_client_is_the_last_that_is_no_proxy(void **state) {
    (void)state;
    told("", "",
         XFF "10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=10.0.0.1;proto=https;host=h\r\n");
    told(XFF "203.0.113.7\r\n", "203.0.113.7",
         XFF "203.0.113.7, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=203.0.113.7;proto=https;host=h, for=10.0.0.1\r\n");
    told(XFF "1.1.1.1, 203.0.113.7:80,10.0.0.2\r\n" XFP "http\r\n" XFH "shop:81\r\n", "203.0.113.7",
         XFF "1.1.1.1, 203.0.113.7:80, 10.0.0.2, 10.0.0.1\r\n" XFP "http\r\n" XFH "shop:81\r\n"
             "Forwarded: for=1.1.1.1;proto=http;host=\"shop:81\", for=\"203.0.113.7:80\", "
             "for=10.0.0.2, for=10.0.0.1\r\n");
    told(XFF "1.1.1.1\r\nA: b\r\n" XFF "2001:DB8::7\r\n", "2001:db8::7",
         XFF "1.1.1.1, 2001:DB8::7, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=1.1.1.1;proto=https;host=h, for=\"[2001:db8::7]\", "
             "for=10.0.0.1\r\n");
    told(XFF "10.0.0.3, ::ffff:10.0.0.2\r\n", "10.0.0.3", // all of them are proxies
         XFF "10.0.0.3, ::ffff:10.0.0.2, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=10.0.0.3;proto=https;host=h, for=10.0.0.2, for=10.0.0.1\r\n");
}

static void forwarded_alone_tells_the_same(void **state) {
    (void)state;
    told("Forwarded: for=203.0.113.7;proto=http;host=shop.example\r\n", "203.0.113.7",
         XFF "203.0.113.7, 10.0.0.1\r\n" XFP "http\r\n" XFH "shop.example\r\n"
             "Forwarded: for=203.0.113.7;proto=http;host=shop.example, for=10.0.0.1\r\n");
    told("Forwarded: For=\"[2001:db8::7]:443\";BY=_us;Proto=https , for=10.0.0.2;proto=http; "
         "by=x\r\n",
         "2001:db8::7",
         XFF "2001:db8::7, 10.0.0.2, 10.0.0.1\r\n" XFP "https\r\n" XFH "h\r\n"
             "Forwarded: for=\"[2001:db8::7]:443\";BY=_us;proto=https;host=h, for=10.0.0.2;by=x, "
             "for=10.0.0.1\r\n");
    // Unquoted where quotes belong, a quoted comma, and two fields.
    told("Forwarded: for=203.0.113.7:80;by=\"a, b;\\\"c\"\r\nForwarded: ;for=10.0.0.2;\r\n",
         "203.0.113.7",
         XFF
         "203.0.113.7, 10.0.0.2, 10.0.0.1\r\n" XFP "https\r\n" XFH "h\r\n"
         "Forwarded: for=\"203.0.113.7:80\";by=\"a, b;\\\"c\";proto=https;host=h, for=10.0.0.2, "
         "for=10.0.0.1\r\n");
    // The protocol of the client, not of a proxy, nor one that the client made up.
    told("Forwarded: for=1.1.1.1;proto=ftp, for=203.0.113.7;host=\"a:1\", "
         "for=10.0.0.2;proto=http\r\n",
         "203.0.113.7",
         XFF "1.1.1.1, 203.0.113.7, 10.0.0.2, 10.0.0.1\r\n" XFP "http\r\n" XFH "a:1\r\n"
             "Forwarded: for=1.1.1.1;proto=http;host=\"a:1\", for=203.0.113.7, for=10.0.0.2, "
             "for=10.0.0.1\r\n");
}

static void what_is_not_an_address_makes_the_client_unknown(void **state) {
    (void)state;
    told(XFF "unknown\r\n", "?",
         XFF "unknown, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=unknown;proto=https;host=h, for=10.0.0.1\r\n");
    told(XFF "203.0.113.7, _h, 10.0.0.2\r\n", "?",
         XFF "203.0.113.7, _h, 10.0.0.2, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=203.0.113.7;proto=https;host=h, for=_h, for=10.0.0.2, "
             "for=10.0.0.1\r\n");
    // An empty element is nobody's, and is not left for others to skip.
    told(XFF "\r\n", "?",
         XFF "unknown, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=unknown;proto=https;host=h, for=10.0.0.1\r\n");
    told(XFF "\"203.0.113.7\",,10.0.0.2\r\n", "?",
         XFF "\"203.0.113.7\", unknown, 10.0.0.2, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=203.0.113.7;proto=https;host=h, for=unknown, for=10.0.0.2, "
             "for=10.0.0.1\r\n");
    static const char *const others[] = {
        XFF "203.0.113.7,\r\n",
        XFF "203.0.113.7, ,10.0.0.2\r\n",
        XFF "203.0.113.7\r\n" XFF "\r\n",
        XFF "\"203.0.113.7, x\"\r\n",
        XFF "203.0.113.999\r\nForwarded: for=203.0.113.7\r\n",
        "Forwarded: \r\n",
        "Forwarded: proto=http\r\n",
        "Forwarded: for=203.0.113.7,\r\n",
        "Forwarded: for=203.0.113.7, for=\"x\r\n",
        "Forwarded: for=\"x, for=203.0.113.7\r\n",
        "Forwarded: for=203.0.113.7;for=203.0.113.8\r\n",
        "Forwarded: for=203.0.113.7;for=203.0.113.7\r\n",
        "Forwarded: for=203.0.113.7;proto\r\n",
        "Forwarded: for=203.0.113.7;proto=\r\n",
        "Forwarded: for=203.0.113.7 proto=http\r\n",
        "Forwarded: for = 203.0.113.7\r\n",
        "Forwarded: for=_h\r\n",
        "Forwarded: 203.0.113.7\r\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct reading *reading = read_lines(others[i]);
        if (reading->told.kind != CLIENT_UNKNOWN || reading->told.unread.data == NULL) {
            fail_msg("%s: kind %d", others[i], reading->told.kind);
        }
        done(reading);
    }
    told("Forwarded: for=203.0.113.7;x\r\n", "?",
         XFF "unknown, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=unknown;proto=https;host=h, for=10.0.0.1\r\n");
}

static void both_kinds_are_compared(void **state) {
    (void)state;
    // They agree: what only one of them tells is believed.
    told(XFF "203.0.113.7:1\r\nForwarded: for=203.0.113.7;proto=http;host=a\r\n" XFH "b\r\n",
         "203.0.113.7",
         XFF "203.0.113.7:1, 10.0.0.1\r\n" XFP "http\r\n" XFH
             "b\r\nForwarded: for=\"203.0.113.7:1\";proto=http;host=b, for=10.0.0.1\r\n");
    // They do not: Forwarded may be the client's own.
    told(XFF "203.0.113.7\r\nForwarded: for=1.1.1.1;proto=http;host=a\r\n", "203.0.113.7",
         XFF "203.0.113.7, 10.0.0.1\r\n" XFP "https\r\n" XFH
             "h\r\nForwarded: for=203.0.113.7;proto=https;host=h, for=10.0.0.1\r\n");
    static const struct {
        const char *lines;
        bool doubtful;
    } cases[] = {
        {XFF "203.0.113.7\r\n", false},
        {XFF "203.0.113.7\r\nForwarded: for=\"203.0.113.7:9\"\r\n", false},
        {XFF "203.0.113.7\r\nForwarded: for=203.0.113.7, for=10.0.0.9\r\n", false},
        {XFF "203.0.113.7\r\nForwarded: for=203.0.113.8\r\n", true},
        {XFF "203.0.113.7\r\nForwarded: for=unknown\r\n", true},
        {XFF "203.0.113.7\r\nForwarded: nonsense\r\n", true},
        {"Forwarded: nonsense\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading *reading = read_lines(cases[i].lines);
        assert_int_equal(reading->told.doubtful, cases[i].doubtful);
        done(reading);
    }
}

static void protocol_and_host_are_about_the_client(void **state) {
    (void)state;
    static const struct {
        const char *lines, *proto, *host;
    } cases[] = {
        {XFP "http\r\n" XFH "a\r\n", "http", "a"},
        {XFP "\r\n" XFH "\r\n", "", ""},
        {XFP "https, http\r\n" XFH "a, b\r\n", "http", "b"}, // the last: the nearest proxy's
        {XFP "https\r\n" XFP "wss\r\n", "wss", ""},
        {XFF "203.0.113.7, 10.0.0.2\r\n" XFP "http, https\r\n" XFH "a, b\r\n", "http", "a"},
        {XFF "1.1.1.1, 203.0.113.7, 10.0.0.2\r\n" XFP "https, http, https\r\n", "http", ""},
        {XFF "203.0.113.7, 10.0.0.2\r\n" XFP "a, b, http\r\n", "http", ""},
        {XFP "\"http\"\r\n", "http", ""},
        {XFP "ht tp\r\n", "http", ""}, // whatever it was, it was not https
        {XFP "https;\r\n", "http", ""},
        {XFP "443\r\n", "http", ""},
        {XFP "averylongprotocolname\r\n", "http", ""},
        {XFH "a b\r\n", "", ""},
        {XFH "a\"b\r\n", "", ""},
        {XFH "a@b\r\n", "", ""},
        {XFH "[2001:db8::1]:80\r\n", "", "[2001:db8::1]:80"},
        {"Forwarded: for=203.0.113.7;proto=\"ht tp\";host=\"a\\\"b\"\r\n", "http", ""},
        {"Forwarded: for=203.0.113.7\r\n" XFP "http\r\n" XFH "a\r\n", "http", "a"},
        {"Forwarded: for=203.0.113.7;proto=http\r\n" XFP "https\r\n", "http", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading *reading = read_lines(cases[i].lines);
        assert_slice(reading->told.proto, cases[i].proto);
        assert_slice(reading->told.host, cases[i].host);
        done(reading);
    }
}

// It is written anew, and not at all of a client that is unknown.
static void x_real_ip_is_the_client(void **state) {
    (void)state;
    static const struct {
        const char *lines, *wanted;
    } cases[] = {
        {XFF "203.0.113.7:1, 10.0.0.2\r\nX-Real-IP: 1.1.1.1\r\n", "\r\nX-Real-IP: 203.0.113.7\r\n"},
        {"Forwarded: for=\"[2001:db8::7]\"\r\nx-real-ip: 1.1.1.1\r\n",
         "\r\nX-Real-IP: 2001:db8::7\r\n"},
        {"X-Real-IP: 1.1.1.1\r\n", "\r\nX-Real-IP: 10.0.0.1\r\n"},
        {XFF "unknown\r\nX-Real-IP: 1.1.1.1\r\n", ""},
        {XFF "203.0.113.7\r\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading *reading = read_lines(cases[i].lines);
        char output[4096];
        struct writer writer = writer_begin(output, sizeof output - 1);
        http_told_write(&writer, &reading->told, SLICE("10.0.0.1"), SLICE("https"), SLICE("h"));
        output[writer_finish(&writer)] = '\0';
        const char *found = strstr(output, "\r\nX-Real-IP: ");
        assert_string_equal(found == NULL ? "" : found, cases[i].wanted);
        done(reading);
    }
}

static void lists_are_bounded(void **state) {
    (void)state;
    static char lines[66000];
    for (size_t count = HTTP_HOPS_MAX; count <= HTTP_HOPS_MAX + 1; count++) {
        char *at = put(lines, SLICE(XFF "203.0.113.7"));
        for (size_t i = 1; i < count; i++) {
            at = put(at, SLICE(",10.0.0.2"));
        }
        at = put(at, SLICE("\r\n"));
        *at = '\0';
        struct reading *reading = read_lines(lines);
        assert_int_equal(reading->told.kind,
                         count > HTTP_HOPS_MAX ? CLIENT_UNKNOWN : CLIENT_ADDRESS);
        done(reading);
    }
}

// What is written grows by no more than is said, however little was needed to ask for it.
static void the_room_suffices(void **state) {
    (void)state;
    static char lines[66000];
    static char output[1 << 18];
    static const char *const units[][2] = {
        {XFF, ","},
        {XFF, "::,"},
        {XFF, "1:2:3:4:5:6:7:8,"},
        {"Forwarded: ", "a=:,"},
        {"Forwarded: ", "a=:;a=:;for=_x;a=::,"},
        {"Forwarded: ", "for=[1:2:3:4:5:6:7:8]:1,"},
        {"Forwarded: ", ","},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char *at = put(lines, slice_from(units[i][0]));
        for (size_t k = 0; k < HTTP_HOPS_MAX - 1; k++) {
            at = put(at, slice_from(units[i][1]));
        }
        at = put(at, SLICE("a=b\r\n" XFH "a-longer-name.example\r\n"));
        *at = '\0';
        struct reading *reading = read_lines(lines);
        assert_int_equal(reading->told.count, HTTP_HOPS_MAX);
        size_t capacity = reading->head.size + http_told_size(&reading->told) + 200;
        struct writer writer = writer_begin(output, capacity);
        http_told_write(&writer, &reading->told, SLICE("10.0.0.1"), SLICE("https"), SLICE("h"));
        assert_true(writer_finish(&writer) > 0);
        done(reading);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_in_every_form),
        cmocka_unit_test(names_that_hide_an_address_are_none),
        cmocka_unit_test(what_has_no_one_reading_is_unreadable),
        cmocka_unit_test(the_client_is_the_last_that_is_no_proxy),
        cmocka_unit_test(forwarded_alone_tells_the_same),
        cmocka_unit_test(what_is_not_an_address_makes_the_client_unknown),
        cmocka_unit_test(both_kinds_are_compared),
        cmocka_unit_test(protocol_and_host_are_about_the_client),
        cmocka_unit_test(x_real_ip_is_the_client),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(the_room_suffices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
