#include "http/connection.h"

#define CONNECTION_OPTIONS_MAX 32

static void mark_hop_by_hop(struct http_fields *fields, struct slice name) {
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_equal_nocase(fields->items[i].name, name)) {
            fields->items[i].hop_by_hop = true;
        }
    }
}

static const char *why_bad_option(const struct connection *connection, struct slice option) {
    return connection->option_count > CONNECTION_OPTIONS_MAX ? "too many Connection options"
           : !http_is_token(option)                          ? "Connection option is not a token"
           : http_field_is_end_to_end(option) ? "Connection names an end-to-end field"
                                              : NULL;
}

static bool on_connection_option(struct slice option, void *context) {
    struct connection *connection = context;
    if (++connection->option_count > CONNECTION_OPTIONS_MAX && !connection->tolerant) {
        connection->why = "too many Connection options";
    } else if (slice_equal_nocase(option, SLICE("close"))) {
        connection->close = true;
    } else if (slice_equal_nocase(option, SLICE("keep-alive"))) {
        connection->keep_alive = true;
    } else if (slice_equal_nocase(option, SLICE("upgrade"))) {
        connection->upgrade = true;
    } else {
        const char *why = why_bad_option(connection, option);
        if (why == NULL) {
            mark_hop_by_hop(connection->fields, option);
        } else if (connection->tolerant) {
            connection->odd = true;
        } else {
            connection->why = why;
        }
    }
    return connection->why == NULL;
}

// Takes the options of every Connection field; false as soon as one is refused.
static bool take_options(const struct http_index *index, struct connection *connection) {
    if (!http_has(index, FIELD_CONNECTION)) {
        return true;
    }
    if (!http_has_repeated(index, FIELD_CONNECTION)) {
        struct slice value = index->first[FIELD_CONNECTION]->value;
        connection->keep_alive = slice_equal(value, SLICE("keep-alive")); // the usual value
        return connection->keep_alive || http_list_each(value, on_connection_option, connection);
    }
    for (uint32_t i = 0; i < connection->fields->count; i++) {
        const struct http_field *field = &connection->fields->items[i];
        if (field->id == FIELD_CONNECTION &&
            !http_list_each(field->value, on_connection_option, connection)) {
            return false;
        }
    }
    return true;
}

enum result http_read_connection(struct http_fields *fields, const struct http_index *index,
                                 bool tolerant, struct connection *connection,
                                 struct http_refusal *refusal) {
    *connection = (struct connection){.fields = fields, .tolerant = tolerant};
    return take_options(index, connection) ? RESULT_OK : http_refuse(refusal, 400, connection->why);
}

struct search {
    struct slice wanted;
    bool found;
};

static bool on_asked_protocol(struct slice item, void *context) {
    struct search *search = context;
    search->found = slice_equal_nocase(item, search->wanted);
    return !search->found;
}

bool http_on_protocol(struct slice item, void *context) {
    struct protocols *protocols = context;
    const char *slash = memchr(item.data, '/', item.size);
    struct slice name = item;
    if (slash != NULL) {
        name.size = (size_t)(slash - item.data);
        struct slice version = {slash + 1, item.size - name.size - 1};
        if (!http_is_token(version)) {
            return false;
        }
    }
    protocols->count++;
    protocols->barred = protocols->barred || slice_equal_nocase(name, SLICE("h2c")) ||
                        slice_equal_nocase(name, SLICE("h2")) ||
                        slice_equal_nocase(name, SLICE("HTTP")) ||
                        slice_equal_nocase(name, SLICE("TLS"));
    if (protocols->asked != NULL) {
        struct search search = {item, false};
        (void)http_list_each(*protocols->asked, on_asked_protocol, &search);
        protocols->others = protocols->others || !search.found;
    }
    return http_is_token(name);
}
