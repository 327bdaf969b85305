#include "exchange/location.h"

#include "http/writer.h"

// host[:port], with brackets around IPv6.
struct authority {
    struct slice host;
    struct slice port; // empty: none
};

static struct authority split(struct slice text) {
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] >= '0' && text.data[colon - 1] <= '9') {
        colon--;
    }
    if (colon == 0 || text.data[colon - 1] != ':') {
        return (struct authority){text, {text.data + text.size, 0}};
    }
    return (struct authority){{text.data, colon - 1}, {text.data + colon, text.size - colon}};
}

static bool has_port(struct slice port, uint16_t number) {
    char digits[DECIMAL_SIZE_MAX];
    return port.size == 0 ? number == 80 : slice_equal(port, number_text(digits, number));
}

static bool names_server(const struct location *location, struct slice text) {
    struct authority named = split(text);
    struct authority asked = split(location->authority);
    bool is_unix = location->address->as.any.sa_family == AF_UNIX;
    uint16_t port = is_unix ? 80 : address_port(location->address);
    if (slice_equal_nocase(named.host, asked.host) &&
        (named.port.size == 0 || slice_equal(named.port, asked.port) ||
         has_port(named.port, port))) {
        return true;
    }
    if (is_unix || !has_port(named.port, port)) {
        return false;
    }
    return slice_equal_nocase(named.host, split(location->server).host) ||
           (address_is_loopback(location->address) &&
            slice_equal_nocase(named.host, SLICE("localhost")));
}

struct slice location_rewrite(const struct location *location, struct slice value,
                              char text[LOCATION_SIZE_MAX]) {
    static const char scheme[] = "http://";
    const size_t scheme_size = sizeof(scheme) - 1;
    if (value.size < scheme_size ||
        !slice_equal_nocase((struct slice){value.data, scheme_size}, SLICE("http://"))) {
        return (struct slice){NULL, 0};
    }
    struct slice rest = {value.data + scheme_size, value.size - scheme_size};
    size_t end = 0;
    while (end < rest.size && strchr("/?#", rest.data[end]) == NULL) {
        end++;
    }
    if (!names_server(location, (struct slice){rest.data, end})) {
        return (struct slice){NULL, 0};
    }
    rest = (struct slice){rest.data + end, rest.size - end};
    struct writer writer = writer_begin(text, LOCATION_SIZE_MAX);
    writer_put_text(&writer, "https://");
    writer_put(&writer, location->authority);
    if (location->route->strip_prefix) { // which ends with a slash
        writer_put(&writer,
                   (struct slice){location->route->prefix, location->route->prefix_size - 1});
    }
    writer_put(&writer, rest.size > 0 && rest.data[0] == '/' ? SLICE("") : SLICE("/"));
    writer_put(&writer, rest);
    return (struct slice){text, writer_finish(&writer)};
}
