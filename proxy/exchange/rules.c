#include "exchange/rules.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/network.h"
#include "config/challenge.h"
#include "http/encode.h"
#include "http/path.h"

#include <stdio.h>

enum { SECOND_US = 1000000 };
// Sizes of Location: of a route, and of a redirect listener. The page behind it must fit in the
// same record.
enum { LOCATION_MAX = 8192, HTTPS_LOCATION_MAX = 15 * 1024 };

// --- who asks ---

// Logs the part of a trusted proxy's report that cannot be parsed.
static void log_unread(const struct choice *choice, const struct http_told *told) {
    const struct client *client = choice->client;
    struct shared *shared = choice->shared;
    if (told->unread.size == 0 && !told->doubtful) {
        return;
    }
    char quoted[LOG_QUOTE_SIZE];
    if (told->doubtful) {
        complain(&shared->complaints, COMPLAINT_FORWARDED, SEVERITY_WARNING,
                 "proxy %s: X-Forwarded-For and Forwarded name different clients; using "
                 "X-Forwarded-For, and allow and deny lists refuse the client",
                 client->text);
    } else {
        complain(&shared->complaints, COMPLAINT_FORWARDED, SEVERITY_WARNING,
                 "proxy %s: %s in its forwarding headers is not understood; %s", client->text,
                 log_quote(told->unread, quoted),
                 told->kind == CLIENT_UNKNOWN ? "the client is unknown, and allow and deny lists "
                                                "refuse it"
                                              : "ignored");
    }
}

struct slice rules_client_text(const struct choice *choice, char text[INET6_ADDRSTRLEN]) {
    if (!choice->is_told) {
        return client_text(choice->client);
    }
    ip_address_format(&choice->client_address, text);
    return slice_from(text);
}

const struct http_told *rules_find_client(struct choice *choice,
                                          const struct http_request *request) {
    const struct client *client = choice->client;
    const struct network_lists trusted = config_trusted(choice->generation->config);
    choice->unknown = client->unknown;
    if (client->untold || !network_lists_contain(&trusted, &client->address.any)) {
        return NULL;
    }
    struct http_told *told = &choice->shared->told;
    http_told_read(request->fields, &trusted, told);
    choice->unknown = told->kind == CLIENT_UNKNOWN || told->doubtful;
    // If the client is unknown, the request counts as one of the last known proxy.
    uint32_t named = told->kind == CLIENT_UNKNOWN ? told->client + 1 : told->client;
    if (named < told->count) {
        choice->client_address = told->nodes[named].address;
        choice->is_told = true;
    }
    log_unread(choice, told);
    return told;
}

// --- rules ---

static bool is_in(const struct sockaddr *client, const struct config_networks *list,
                  const struct config_address_file *file) {
    const struct network_lists lists = config_lists(list, file);
    return network_lists_contain(&lists, client);
}

bool rules_let_in(const struct choice *choice, const struct config_route *route) {
    const struct sockaddr *client = &choice->client_address.any;
    if (!route->is_limited) {
        return true;
    }
    if (choice->unknown || is_in(client, &route->deny, &route->deny_file)) {
        return false;
    }
    return (route->allow.count == 0 && route->allow_file.path == NULL) ||
           is_in(client, &route->allow, &route->allow_file);
}

// Identifies the bucket of a client, also after a reload.
static uint64_t purpose_of(const struct choice *choice) {
    const struct slice site = slice_from(choice->site->name);
    const struct slice prefix = slice_from(choice->route->prefix);
    return hash_add(hash_add(HASH_BEGIN, site.data, site.size), prefix.data, prefix.size);
}

// µs until this client may send another request; 0: now.
static int64_t wait_for_turn(const struct choice *choice) {
    const struct shared *shared = choice->shared;
    uint64_t key = client_table_key(shared->clients, &choice->client_address.any);
    return client_table_take(shared->clients, shared->slot, key, purpose_of(choice),
                             SECOND_US / choice->route->rate, choice->route->burst,
                             choice->begun_us);
}

static struct answer refuse_for_now(struct choice *choice, int64_t wait_us) {
    return shared_answer_later(choice->shared, 429, "more requests of this client than rate allows",
                               (uint64_t)(wait_us + SECOND_US - 1) / SECOND_US);
}

// A client that cannot verify the server gets nothing of a site. The next connection may have a
// valid certificate.
static struct answer ask_for_patience(struct choice *choice) {
    static char type[] = "text/html; charset=utf-8";
    static char text[] =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>No certificate yet</title>\n</head>\n<body>\n<h1>No certificate yet</h1>\n"
        "<p>This host has no certificate yet. It is being ordered. Try again in a minute.</p>\n"
        "<p>If this page stays, the error log of the server says why.</p>\n</body>\n</html>\n";
    static const struct config_page page = {.type = type, .text = text};
    struct answer answer = answer_of(503, "the host has no certificate yet");
    answer.fields = SLICE("Retry-After: 60\r\n");
    answer.page = &page;
    choice->ends_connection = true;
    return answer;
}

// The part behind the prefix. Never begins with a slash, because behind a redirect to "/" this
// would name another host.
static struct slice rest_of(const struct config_route *route, struct slice path) {
    size_t cut = route->prefix_size;
    while (cut < path.size && path.data[cut] == '/') {
        cut++;
    }
    return (struct slice){path.data + cut, path.size - cut};
}

static struct answer redirect(struct choice *choice, const struct http_request *request) {
    static const uint16_t statuses[] = {301, 302, 303, 307, 308}; // in the order of enum redirect
    struct shared *shared = choice->shared;
    const struct config_route *route = choice->route;
    const char *scheme = strstr(route->redirect, "://");
    bool has_path = scheme == NULL || strchr(scheme + 3, '/') != NULL;
    bool has_no_path = slice_equal(request->path, SLICE("*")); // OPTIONS *
    struct slice path = has_no_path            ? SLICE("")
                        : route->redirect_rest ? rest_of(route, request->path)
                        : has_path             ? SLICE("")
                                               : request->path;
    int size = snprintf(shared->scratch, shared->scratch_size, "Location: %s%.*s\r\n",
                        route->redirect, (int)path.size, path.data);
    if (size < 0 || size > LOCATION_MAX) {
        return answer_of(414, "the target is too long to redirect to");
    }
    struct answer answer = answer_of(statuses[route->redirect_how], NULL);
    answer.fields = (struct slice){shared->scratch, (size_t)size};
    return answer;
}

struct answer rules_to_https(struct choice *choice, const struct http_request *request) {
    struct shared *shared = choice->shared;
    struct answer answer = answer_of(308, NULL);
    uint16_t port = choice->client->https_port;
    size_t size = http_encode_redirect(request, port != 0 ? port : choice->generation->https_port,
                                       shared->scratch, HTTPS_LOCATION_MAX);
    answer.fields = (struct slice){shared->scratch, size};
    return size == 0 ? answer_of(400, "no host to redirect to") : answer;
}

// GET or HEAD without a body, which the challenge server does not read. Every other request is
// redirected, to where a server may know more.
bool rules_find_challenge(struct choice *choice, const struct http_request *request) {
    static const struct config_route route = {.prefix_size = 0}; // that changes nothing
    const struct config *config = choice->generation->config;
    bool is_get = request->is_head || slice_equal(request->method, SLICE("GET"));
    if (!choice->client->challenges || !config->has_challenge_backend || !is_get ||
        request->framing != FRAMING_NONE || request->host.size == 0 ||
        challenge_token(request->path).size == 0) {
        return false;
    }
    choice->route = &route;
    choice->backend = &config->backends[config->backend_count - 1];
    return true;
}

static struct answer answer_maintenance(void) {
    struct answer answer = answer_of(503, "the site is under maintenance");
    answer.fields = SLICE("Retry-After: 60\r\n");
    return answer;
}

static bool is_in_maintenance(const struct choice *choice) {
    const struct generation *generation = choice->generation;
    return server_view_is_closed(&generation->backends->view,
                                 (size_t)(choice->site - generation->config->sites));
}

struct answer rules_apply(struct choice *choice, const struct http_request *request) {
    const struct config_route *route = choice->route;
    const struct config_limits *limits = &choice->generation->config->limits;
    if (!rules_let_in(choice, choice->route)) {
        return answer_of(403, choice->unknown
                                  ? "the client is unknown, and the route has an allow or deny list"
                                  : "the route does not allow this client");
    }
    if (is_in_maintenance(choice)) {
        return answer_maintenance();
    }
    int64_t wait_us = route->rate == 0 ? 0 : wait_for_turn(choice);
    if (wait_us > 0) {
        return refuse_for_now(choice, wait_us);
    }
    choice->body_limit = route->body_size != 0 ? route->body_size : limits->body_size;
    if (choice->body_limit != 0 && request->framing == FRAMING_LENGTH &&
        request->content_length > choice->body_limit) {
        return answer_of(413, "the request body is larger than body-size");
    }
    if (route->redirect != NULL) {
        return redirect(choice, request);
    }
    if (route->status != 0) {
        struct answer answer = answer_of((uint16_t)route->status, NULL);
        answer.page = route->page.type != NULL ? &route->page : NULL;
        return answer;
    }
    affinity_find(&choice->affinity, choice->backend, request, &choice->client_address);
    return NO_ANSWER;
}

struct slice rules_strip(const struct config_route *route, struct slice path) {
    if (!route->strip_prefix || path.data[0] != '/') { // OPTIONS *
        return path;
    }
    size_t cut = route->prefix_size - 1; // the slash that the prefix ends with stays
    return (struct slice){path.data + cut, path.size - cut};
}

struct slice rules_path(const struct choice *choice, const struct http_request *request) {
    return rules_strip(choice->route, request->path);
}

struct http_forwarding rules_forwarding(const struct choice *choice,
                                        const struct http_request *request,
                                        const struct http_told *told) {
    const struct client *client = choice->client;
    struct http_forwarding forwarding = {
        .client_host = client->unknown ? SLICE("") : client_text(client),
        .proto = client->redirect ? SLICE("http") : SLICE("https"),
        .told = told,
    };
    if (choice->route != NULL) {
        forwarding.path = rules_path(choice, request);
        forwarding.changes = &choice->route->request;
    }
    if (choice->is_certified) {
        forwarding.certificate_subject = slice_from(client->identity->subject);
        forwarding.certificate_fingerprint = slice_from(client->identity->fingerprint);
    }
    if (choice->backend != NULL && choice->backend->tls_facts) {
        forwarding.tls_group = client_tls_group(client);
        forwarding.tls_suite = client_tls_suite(client);
        forwarding.tls_resumed = client->resumed;
    }
    return forwarding;
}

// --- which route ---

bool rules_can_strip(const struct config_route *route, struct slice path, bool plain) {
    if ((!route->strip_prefix && !route->redirect_rest) || plain) {
        return true;
    }
    size_t cut = route->prefix_size - 1;
    return path.size >= route->prefix_size &&
           memcmp(path.data, route->prefix, route->prefix_size) == 0 &&
           http_check_path((struct slice){path.data + cut, path.size - cut}) == NULL;
}

// `policy`: of a site, for client certificates; NULL: none.
static bool meets_policy(const struct client *client, const uint8_t *policy) {
    return policy == NULL || memcmp(policy, client->policy, TLS_CLIENT_POLICY_SIZE) == 0;
}

// The site of the name in the handshake.
static size_t site_of_handshake(const struct client *client, const struct generation *generation) {
    struct slice name = client->server_name_is_odd ? SLICE("") : client_server_name(client);
    return name.data == NULL ? ROUTER_NO_SITE : router_find_site(generation->router, name);
}

// A site that asks for certificates accepts only connections whose handshake had exactly the same
// policy, whichever way the client chose the site.
static bool admit_client(struct choice *choice, size_t index) {
    const struct client *client = choice->client;
    const uint8_t *policy = tls_contexts_client_policy(choice->generation->contexts, index);
    choice->is_certified = policy != NULL && client->identity != NULL;
    return meets_policy(client, policy);
}

bool rules_keep_site(const struct client *client, const struct generation *before,
                     const struct generation *now) {
    size_t was = site_of_handshake(client, before), is = site_of_handshake(client, now);
    if ((was == ROUTER_NO_SITE) != (is == ROUTER_NO_SITE) || now->config->site_count == 0) {
        return false;
    }
    was = was == ROUTER_NO_SITE ? ROUTER_DEFAULT_SITE : was;
    is = is == ROUTER_NO_SITE ? ROUTER_DEFAULT_SITE : is;
    bool is_same = strcmp(before->config->sites[was].name, now->config->sites[is].name) == 0;
    return is_same && !client->uncertified &&
           meets_policy(client, tls_contexts_client_policy(now->contexts, is));
}

struct answer rules_choose(struct choice *choice, const struct http_request *request) {
    const struct generation *generation = choice->generation;
    const struct client *client = choice->client;
    struct slice server_name = client_server_name(client);
    size_t named = site_of_handshake(client, generation);
    size_t index = named != ROUTER_NO_SITE && slice_equal(request->host, server_name)
                       ? named
                       : router_find_site(generation->router, request->host);
    if (request->host.size == 0) { // HTTP/1.0: the site of the handshake, or else the first site
        index = named == ROUTER_NO_SITE ? ROUTER_DEFAULT_SITE : named;
    }
    if (index == ROUTER_NO_SITE) {
        return answer_of(421, "no site has this name");
    }
    if (named != ROUTER_NO_SITE && named != index) {
        return answer_of(421, "the name of the TLS handshake belongs to another site");
    }
    if (!admit_client(choice, index)) {
        choice->ends_connection = true;
        return answer_of(
            421, "the site asks for a client certificate, and this connection is not for it");
    }
    choice->site = &generation->config->sites[index];
    if (client->uncertified) {
        return ask_for_patience(choice);
    }
    bool whole_server = slice_equal(request->path, SLICE("*")); // OPTIONS *
    struct slice path = {request->path.data, request->path_size};
    const struct config_route *found;
    if (router_find_route(choice->site, whole_server ? SLICE("/") : path, request->path_is_plain,
                          &found) != RESULT_OK) {
        return answer_of(400, "servers could take the path to different routes");
    }
    if (found == NULL) {
        return answer_of(404, "no route");
    }
    if (!whole_server && !rules_can_strip(found, path, request->path_is_plain)) {
        return answer_of(400, "the prefix that is to be stripped is not written plainly");
    }
    choice->route = found;
    if (found->backend_name != NULL) {
        choice->backend = &generation->config->backends[found->backend_index];
    }
    return NO_ANSWER;
}
