#include "config/doubts.h"

#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

// A part of a value that another proxy expands.
static struct slice find_variable(const char *value) {
    for (const char *c = value; *c != '\0'; c++) {
        size_t size = strspn(c + 1, letters);
        if (c[0] == '$' && size > 0) { // nginx
            return (struct slice){c, 1 + size};
        }
        const char *end = c[0] == '%' && c[1] == '[' ? strchr(c, ']') : NULL; // HAProxy
        size_t name = strspn(c + 1, "abcdefghijklmnopqrstuvwxyz_.");
        if (c[0] == '{' && name > 0 && c[1 + name] == '}') { // Caddy
            end = c + 1 + name;
        }
        if (end != NULL) {
            return (struct slice){c, (size_t)(end - c) + 1};
        }
    }
    return (struct slice){NULL, 0};
}

// What servers receive in place of a variable of a request. "": nothing like it.
static const char *counterpart_of(struct slice variable) {
    static const struct {
        const char *part; // of the variable
        const char *text;
    } known[] = {
        {"remote_user", "; user-header tells servers the user"},
        {"request_id", "; request-id = yes sends X-Request-Id"},
        {"client_s_dn", "; servers find the subject in X-Client-Certificate-Subject"},
        {"ssl_client", "; servers find certificates of clients in X-Client-Certificate-*"},
        {"ssl_", "; tls-facts = yes in the backend tells servers of TLS"},
        {"remote", "; servers find the client in X-Forwarded-For"},
        {"host", "; servers find the host in Host and X-Forwarded-Host"},
        {"server_name", "; servers find the host in Host and X-Forwarded-Host"},
        {"forwarded_for", "; servers find the client in X-Forwarded-For"},
        {"src", "; servers find the client in X-Forwarded-For"},
        {"scheme", "; servers find the protocol in X-Forwarded-Proto"},
        {"https", "; servers find the protocol in X-Forwarded-Proto"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (memmem(variable.data, variable.size, known[i].part, strlen(known[i].part)) != NULL) {
            return known[i].text;
        }
    }
    return "";
}

static void doubt_headers(const struct config_route *route, const struct config_changes *changes,
                          bool is_request, struct report *warnings) {
    for (size_t i = 0; i < changes->set_count; i++) {
        struct slice variable = find_variable(changes->set[i]);
        if (variable.size > 0) {
            report_add(warnings, route->line,
                       "route '%.*s': set-header '%.*s': a value has no variables, and '%.*s' is "
                       "sent as it stands%s",
                       REPORT_QUOTE_MAX, route->prefix, REPORT_QUOTE_MAX, changes->set[i],
                       (int)variable.size, variable.data,
                       is_request ? counterpart_of(variable) : "");
        }
    }
}

static void doubt_prefix(const struct config_route *route, struct report *warnings) {
    size_t size = strlen(route->prefix);
    if (route->prefix[size - 1] == '*') {
        report_add(warnings, route->line,
                   "route '%.*s': '*' stands for itself; route %.*s serves all paths that begin so",
                   REPORT_QUOTE_MAX, route->prefix,
                   (int)(size - 1 < REPORT_QUOTE_MAX ? size - 1 : REPORT_QUOTE_MAX), route->prefix);
    }
}

// A login page that only those see who have logged in.
static void doubt_login(const struct config_site *site, const struct config_route *route,
                        struct report *warnings) {
    const char *login = route->authorize_count == 0 ? NULL : route->authorize[0].login;
    if (login == NULL || login[0] != '/') {
        return;
    }
    for (size_t i = 0; i < site->route_count; i++) { // the longest prefix first
        const struct config_route *other = &site->routes[i];
        if (strncmp(login, other->prefix, other->prefix_size) != 0) {
            continue;
        }
        if (other->authorize_count > 0) {
            report_add(warnings, route->authorize[0].line,
                       "login '%.*s' is on route '%.*s', which has authorize, too; give the login "
                       "page a route without it",
                       REPORT_QUOTE_MAX, login, REPORT_QUOTE_MAX, other->prefix);
        }
        return;
    }
}

void doubts_find(const struct config *config, struct report *warnings) {
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t j = 0; j < site->route_count; j++) {
            doubt_prefix(&site->routes[j], warnings);
            doubt_login(site, &site->routes[j], warnings);
            doubt_headers(&site->routes[j], &site->routes[j].request, true, warnings);
            doubt_headers(&site->routes[j], &site->routes[j].response, false, warnings);
        }
    }
}
