#include "config/login.h"

#include <string.h>
#include <strings.h>

static bool is_wanted(const char *users) {
    return users != NULL && strcmp(users, CONFIG_NO_USERS) != 0;
}

static void check_realm(const char *realm, int line, struct report *report) {
    if (realm == NULL || line == 0) {
        return;
    }
    if (strpbrk(realm, "\"\\") != NULL) {
        report_add(report, line, "realm must not contain a quotation mark or a backslash");
    } else if (strlen(realm) > CONFIG_REALM_MAX) {
        report_add(report, line, "realm is longer than %d bytes", CONFIG_REALM_MAX);
    }
}

static void check_site(const struct config_site *site, struct report *report) {
    bool found = site->users != NULL;
    for (size_t i = 0; i < site->route_count && !found; i++) {
        found = is_wanted(site->routes[i].users);
    }
    check_realm(site->realm, site->realm_line, report);
    if (site->realm_line != 0 && !found) {
        report_add(report, site->realm_line, "realm requires users");
    }
}

// Options that need users, on a route that requires no password.
static void check_without_users(const struct config_route *route, struct report *report) {
    const struct {
        const char *name;
        int line;
    } options[] = {
        {"realm", route->realm_line},
        {"user-header", route->user_header_line},
        {"pass-authorization", route->pass_authorization ? route->pass_authorization_line : 0},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (options[i].line != 0) {
            report_add(report, options[i].line, "%s requires users", options[i].name);
        }
    }
}

// Fields that have another meaning for every server. field_check_name() has refused the fields that
// Ravelin writes.
static bool has_other_meaning(const char *name) {
    static const char *const names[] = {
        "Accept", "Accept-Encoding", "Authorization", "Content-Type", "Cookie",    "If",
        "Origin", "Referer",         "User-Agent",    "Via",          "X-Real-IP", "X-Request-Id",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return strncasecmp(name, "X-Client-Certificate-", 21) == 0;
}

static bool is_set(const struct config_changes *changes, const char *name) {
    size_t size = strlen(name);
    for (size_t i = 0; i < changes->set_count; i++) {
        if (strncasecmp(changes->set[i], name, size) == 0 && changes->set[i][size] == ':') {
            return true;
        }
    }
    return false;
}

static void check_header(const struct config_route *route, struct report *report) {
    const char *name = route->user_header;
    if (name == NULL) {
        return;
    }
    if (has_other_meaning(name)) {
        report_add(report, route->user_header_line,
                   "user-header '%.*s': this header has another meaning; use one of its own, such "
                   "as X-Forwarded-User",
                   REPORT_QUOTE_MAX, name);
    } else if (is_set(&route->request, name)) {
        report_add(report, route->user_header_line,
                   "user-header '%.*s': set-header sets this header, too", REPORT_QUOTE_MAX, name);
    }
}

// The client's field is never sent to the server.
static void reserve(struct config_route *route) {
    static char authorization[] = "Authorization";
    struct config_names *names = &route->request.reserved[ROUTE_GUARD_USERS];
    names->items = route->login.reserved;
    names->count = 0;
    if (route->user_header != NULL) {
        names->items[names->count++] = route->user_header;
    }
    if (!route->pass_authorization) {
        names->items[names->count++] = authorization;
    }
}

static void settle_route(const struct config_site *site, struct config_route *route,
                         struct report *report) {
    const char *users = route->users != NULL ? route->users : site->users;
    check_realm(route->realm, route->realm_line, report);
    route->login = (struct config_login){.users = NULL};
    if (route->backend_line == 0 && is_wanted(route->users)) {
        report_add(report, route->users_line,
                   "users goes with a backend: Ravelin asks for no password before a redirect or "
                   "return");
    } else if (route->backend_line == 0 || !is_wanted(users)) {
        check_without_users(route, report);
    } else {
        check_header(route, report);
        route->login.users = users;
        route->login.realm = route->realm != NULL  ? route->realm
                             : site->realm != NULL ? site->realm
                                                   : "Restricted";
        route->guards = (uint8_t)(route->guards | 1U << ROUTE_GUARD_USERS);
        reserve(route);
    }
}

void login_settle(struct config_site *site, struct report *report) {
    check_site(site, report);
    for (size_t i = 0; i < site->route_count; i++) {
        settle_route(site, &site->routes[i], report);
    }
}
