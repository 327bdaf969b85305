#include "exchange/dav.h"

#include "exchange/rules.h"
#include "http/target.h"
#include "http/writer.h"

#include <string.h>

struct rewriting {
    const struct choice *choice;
    const struct http_request *request;
    const struct http_told *told;
    struct slice host; // host with its port, as the server gets it
    struct writer writer;
};

// Whether this host is of the same site. A trusted proxy may have changed Host.
static bool is_own_host(const struct rewriting *rewriting, struct slice host) {
    const struct choice *choice = rewriting->choice;
    const struct generation *generation = choice->generation;
    struct http_authority asked;
    if (rewriting->told != NULL && http_parse_authority(rewriting->told->host, &asked) == NULL &&
        slice_equal_nocase(host, asked.host)) {
        return true;
    }
    return slice_equal_nocase(host, rewriting->request->host) ||
           router_find_site(generation->router, host) ==
               (size_t)(choice->site - generation->config->sites);
}

// Whether the guards of the destination have allowed the client with this request, or would decide
// the same.
static bool has_passed_guards(const struct config_route *route,
                              const struct config_route *destination) {
    bool has_same_users = route->login.users != NULL && destination->login.users != NULL &&
                          strcmp(route->login.users, destination->login.users) == 0;
    uint8_t passed = has_same_users ? 1U << ROUTE_GUARD_USERS : 0;
    return route == destination || (destination->guards & ~passed) == 0;
}

// Writes the URL as the server must see it. If it returns an answer, nothing was written.
static struct answer put_url(struct rewriting *rewriting, struct slice url) {
    const struct choice *choice = rewriting->choice;
    struct http_reference reference;
    const struct config_route *route;
    if (http_parse_reference(url, &reference) != NULL) {
        return answer_of(400, "Destination is malformed");
    }
    if (reference.has_authority && !is_own_host(rewriting, reference.authority.host)) {
        return answer_of(502, "Destination is on another host");
    }
    struct slice path = {reference.path.data, reference.path_size};
    if (router_find_route(choice->site, path, false, &route) != RESULT_OK) {
        return answer_of(400, "servers could take Destination to different routes");
    }
    if (route == NULL || route->backend_name == NULL ||
        &choice->generation->config->backends[route->backend_index] != choice->backend) {
        return answer_of(502, "Destination is not on the same backend");
    }
    if (!rules_let_in(choice, route)) {
        return answer_of(403, "the route of Destination does not allow this client");
    }
    if (!has_passed_guards(choice->route, route)) {
        return answer_of(403, "the route of Destination has other users, or authorize");
    }
    if (!rules_can_strip(route, path, false)) {
        return answer_of(400, "the prefix of Destination is not written plainly");
    }
    if (reference.has_authority) {
        writer_put_text(&rewriting->writer, "http://");
        writer_put(&rewriting->writer, rewriting->host);
    }
    writer_put(&rewriting->writer, rules_strip(route, reference.path));
    return NO_ANSWER;
}

// Size of one unit of a list in If: one byte, or a whole quoted string.
static size_t list_step(struct slice rest) {
    const char *quote = rest.data[0] == '"' ? memchr(rest.data + 1, '"', rest.size - 1) : NULL;
    return quote == NULL ? 1 : (size_t)(quote + 1 - rest.data);
}

// If: <URL> (<token> ["etag"]) ... : the URLs are outside of parentheses.
static void put_if(struct rewriting *rewriting, struct slice value) {
    bool in_list = false;
    while (value.size > 0) {
        const char *close =
            !in_list && value.data[0] == '<' ? memchr(value.data, '>', value.size) : NULL;
        size_t size = in_list ? list_step(value) : 1;
        if (close != NULL) {
            struct slice url = {value.data + 1, (size_t)(close - value.data) - 1};
            writer_put_text(&rewriting->writer, "<");
            if (put_url(rewriting, url).status != 0) {
                writer_put(&rewriting->writer, url);
            }
            writer_put_text(&rewriting->writer, ">");
            size = url.size + 2;
        } else {
            in_list = value.data[0] == '(' || (in_list && value.data[0] != ')');
            writer_put(&rewriting->writer, (struct slice){value.data, size});
        }
        value = (struct slice){value.data + size, value.size - size};
    }
}

static struct answer rewrite_field(struct rewriting *rewriting, struct http_field *field,
                                   size_t *growth) {
    struct writer *writer = &rewriting->writer;
    const char *begin = writer->at;
    struct answer answer = NO_ANSWER;
    if (field->id == FIELD_IF) {
        put_if(rewriting, field->value);
    } else {
        answer = put_url(rewriting, field->value);
    }
    if (answer.status == 0 && writer->overflow) {
        answer = answer_of(431, "the head is too large to pass on");
    }
    if (answer.status == 0) {
        struct slice value = {begin, (size_t)(writer->at - begin)};
        *growth += value.size > field->value.size ? value.size - field->value.size : 0;
        field->value = value;
    }
    return answer;
}

// A field with this name may have another meaning in other methods. Some servers read the name of a
// method in any case.
static bool has_destination(struct slice method) {
    return slice_equal_nocase(method, SLICE("MOVE")) || slice_equal_nocase(method, SLICE("COPY"));
}

struct answer dav_rewrite(struct choice *choice, struct http_request *request,
                          const struct http_told *told, size_t *growth) {
    struct shared *shared = choice->shared;
    struct rewriting rewriting = {
        .choice = choice,
        .request = request,
        .told = told,
        .host = request->authority.size > 0 ? request->authority : slice_from(choice->site->name),
        .writer = writer_begin(shared->scratch, shared->scratch_size),
    };
    *growth = 0;
    // A client that is not allowed gets this answer first.
    if (choice->backend == NULL || !rules_let_in(choice, choice->route)) {
        return NO_ANSWER;
    }
    bool moves = has_destination(request->method);
    uint32_t destinations = 0;
    for (uint32_t i = 0; i < request->fields->count; i++) {
        struct http_field *field = &request->fields->items[i];
        if (field->id != FIELD_IF && (field->id != FIELD_DESTINATION || !moves)) {
            continue;
        }
        destinations += field->id == FIELD_DESTINATION ? 1 : 0;
        struct answer answer = destinations > 1 ? answer_of(400, "repeated Destination")
                                                : rewrite_field(&rewriting, field, growth);
        if (answer.status != 0) {
            return answer;
        }
    }
    return NO_ANSWER;
}
