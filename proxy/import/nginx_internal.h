// The data and functions that the parts of the nginx translation share.
#ifndef RAVELIN_IMPORT_NGINX_INTERNAL_H
#define RAVELIN_IMPORT_NGINX_INTERNAL_H

#include "import/nginx_file.h"

#include <stdint.h>
#include <stdio.h>

#define NGINX_BODY_SIZE (UINT64_C(1) << 20) // client_max_body_size without a directive
#define BODY_SIZE_MAX (UINT64_C(2) << 30)   // of a body-size

struct import_listener {
    const char *address;
    bool is_redirect, http2, proxy_protocol;
    uint32_t https_port;    // port of the redirect, as in its target; 0: unknown
    const char *challenges; // folder of ACME challenges; NULL: none
};

struct import_backend {
    const char *target;                         // name of an upstream, or an address
    const char *read_timeout, *connect_timeout; // in Ravelin's syntax; "": the default
    const char *retries;                        // options, each with its line end; "": the defaults
    const char *name;
    bool is_empty; // none of its servers can be used
};

struct import_note {
    const struct nginx_directive *directive;
    const char *text;
};

struct import {
    struct nginx_tree tree;
    struct import_listener *listeners;
    size_t listener_count, listener_capacity;
    struct import_backend *backends;
    size_t backend_count, backend_capacity;
    struct import_note *notes;
    size_t note_count, note_capacity;
    const char **names; // host names of sites, with aliases
    size_t name_count, name_capacity;
    const char **prefixes; // prefixes of routes of the present site
    size_t prefix_count, prefix_capacity;
    const char **shut; // prefixes of this site that a regular expression closes
    size_t shut_count, shut_capacity;
    const char *closed; // reason why the whole site is closed; NULL: not closed
    bool has_any;       // a site has the alias "*"
    bool refuses_unknown_names;
    uint64_t body_size; // body-size of limits; 0: unlimited
    FILE *sites;        // output so far
    FILE *servers;
};

// --- nginx_values.c ---

// Adds a zeroed item to an array of the tree, and returns it.
void *import_add(struct import *import, void *items, size_t *count, size_t *capacity, size_t size);
// Prints a value in quotes. False: Ravelin cannot write this value; nothing was printed.
bool import_quote(FILE *out, const char *text);
bool import_can_quote(const char *text);
// Converts a time such as "60" or "1m30s", limited to `least` and `most` milliseconds. NULL: not a
// time.
const char *import_time(struct import *import, const char *text, uint64_t least, uint64_t most);
// Converts a size such as "10m" to bytes. False: not a size.
bool import_size(const char *text, uint64_t *size);
const char *import_size_text(struct import *import, uint64_t size);
bool import_number(const char *text, uint64_t *number);
// Converts a listen address: "443", "*:443", "[::]:443". NULL: Ravelin cannot listen there.
const char *import_listen_address(struct import *import, const char *text);
// Converts the address or DNS name of a server, with its port. NULL: neither.
const char *import_server_address(struct import *import, const char *text);
bool import_is_network(const char *text);
// True if the text has an nginx variable.
bool import_has_variable(const char *text);
// Replaces variables that `set` gives only one value in the whole server. Other variables stay.
const char *import_expand(struct import *import, struct nginx_directive *block, const char *text);
// True if a header can be written as "Name: value" in a set-header.
bool import_is_field(const char *name, const char *value);

// Notes that a directive is not, or not completely, translated.
void import_note(struct import *import, struct nginx_directive *directive, const char *text);
// Marks a directive as completely translated.
static inline void import_done(struct nginx_directive *directive) {
    if (directive != NULL) {
        directive->is_done = true;
    }
}
// Returns the effective directive of this name in a block; NULL: none.
struct nginx_directive *import_found(struct nginx_directive *block, const char *name);
// Marks all directives of this name in the nearest block that has one, and returns this block.
struct nginx_directive *import_inherit(struct nginx_directive *block, const char *name);

// --- nginx_backends.c ---

// Returns the backend for a proxy_pass. Makes it if needed. `target`: the text after "http://".
const struct import_backend *import_backend(struct import *import, struct nginx_directive *pass,
                                            const char *target);

// Whether a server of an upstream gets no requests.
bool import_is_down(const struct nginx_directive *server);

// --- nginx_failures.c ---

// Returns the options of a backend for the retries of a block.
const char *import_retries(struct import *import, struct nginx_directive *block);
// Writes the options for failing servers of an upstream.
void import_failures(struct import *import, struct nginx_directive *upstream);

// --- nginx_redirects.c ---

struct import_redirect {
    uint32_t status;
    const char *url; // in Ravelin's syntax
    bool keeps_path; // the URL has no path, and the request's path is appended
    uint32_t port;   // port of an https URL with the host of the request; 0: none
    bool to_https;   // redirect to https on the host of the request
};

// Reads the redirect of a `return` or `rewrite`. False: not a redirect that Ravelin supports.
bool import_redirect(struct import *import, const struct nginx_directive *directive,
                     struct import_redirect *redirect);
// Returns the directive that redirects all requests of a server, and its redirect. NULL: none.
struct nginx_directive *import_whole_redirect(struct import *import,
                                              const struct nginx_directive *server,
                                              struct import_redirect *redirect);

// --- nginx_login.c ---

// Whether a block requires a password.
bool import_asks_password(struct nginx_directive *block);
// Whether a block requires a password from a file of users that Ravelin cannot use.
bool import_login_is_lost(struct nginx_directive *block);
// Writes the users options of a route with a backend.
void import_login(struct import *import, struct nginx_directive *block);
// Returns the proxy_set_header that sends the user name to the server; NULL: none.
struct nginx_directive *import_user_header(struct nginx_directive *block);

// --- nginx_authorize.c ---

// Whether another server decides about requests for a block (auth_request).
bool import_asks_server(struct nginx_directive *block);
// True, with a note: Ravelin cannot send this subrequest as nginx does.
bool import_authorize_is_lost(struct import *import, struct nginx_directive *block);
// Writes the `authorize` section of a route with a backend.
void import_authorize(struct import *import, struct nginx_directive *block);
// Whether a header is a copy of a header in the response of that server.
bool import_is_copied(struct nginx_directive *block, const struct nginx_directive *header);
// Whether a proxy_set_header sets the value that the client sent in this header.
bool import_is_clients_own(const struct nginx_directive *header);
// The header of that response to which a value refers, as in variables: "remote_user". NULL: none.
const char *import_copied_source(struct nginx_directive *block, const char *value);
// The location that serves a path. NULL: none, or unknown because of a regular expression.
struct nginx_directive *import_serving(struct import *import, struct nginx_directive *server,
                                       const char *uri);
// The server around a block, or the outermost block.
struct nginx_directive *import_server_of(struct nginx_directive *block);
// Marks all that is in a block as translated.
void import_done_inside(struct nginx_directive *block);

// --- nginx_login_page.c ---

// Writes the `login` option of an `authorize` section, from error_page 401.
void import_login_page(struct import *import, struct nginx_directive *block);

// --- nginx_routes.c ---

// The target of a proxy_pass.
struct import_target {
    const char *server; // argument for import_backend()
    const char *path;   // "": the path of the request
    bool is_whole;      // `path` replaces the whole path of the request, not only the prefix
};

// Returns the name of a restricting directive without a counterpart, because of which a block must
// stay closed. NULL: none.
const char *import_closes(struct import *import, struct nginx_directive *block);
// Reads the target. Returns the reason why Ravelin cannot send requests there. NULL: it can.
const char *import_read_target(struct import *import, struct nginx_directive *pass,
                               struct import_target *target);
// Whether Ravelin sets this header itself, with the value that proxy configurations usually have.
bool import_is_set_anyway(const char *name);
// Returns the nearest block, from `block` outwards, that has allow or deny; NULL: none.
struct nginx_directive *import_access_level(struct nginx_directive *block);
bool import_denies_everyone(struct import *import, struct nginx_directive *block);
// True if a route can have this prefix.
bool import_is_prefix(const char *text);
// Prints the beginning of a route. False: the site has a route with this prefix.
bool import_begin_route(struct import *import, struct nginx_directive *location,
                        const char *prefix);
void import_write_status(struct import *import, unsigned status, const char *why);
void import_route(struct import *import, struct nginx_directive *block, const char *prefix);
// Writes the route "/" of a server without a location for it.
void import_whole_server(struct import *import, struct nginx_directive *server);

// --- nginx_locations.c ---

enum import_rewrite {
    REWRITE_NONE,   // the path stays
    REWRITE_STRIPS, // the prefix is removed
    REWRITE_MOVES,  // the path is replaced
};

// The effect of the rewrites of a location on paths that begin with its prefix.
enum import_rewrite import_rewrite(struct import *import, struct nginx_directive *block,
                                   const char *prefix);
void import_locations(struct import *import, struct nginx_directive *server);

// --- nginx_sites.c ---

// Makes a path below nginx's folder absolute.
const char *import_absolute(struct import *import, const char *path);

void import_server(struct import *import, struct nginx_directive *server, bool is_default);
// Translates a server without TLS: to a redirect listener, or to nothing.
void import_plain_server(struct import *import, struct nginx_directive *server);
bool import_has_tls(const struct nginx_directive *server);

#endif
