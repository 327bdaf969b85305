// What the parts of the translation from nginx share.
#ifndef RAVELIN_IMPORT_NGINX_INTERNAL_H
#define RAVELIN_IMPORT_NGINX_INTERNAL_H

#include "import/nginx_file.h"

#include <stdint.h>
#include <stdio.h>

struct import_listener {
    const char *address;
    bool is_redirect, http2, proxy_protocol;
    uint32_t https_port;    // of a redirect listener, as the redirect writes it; 0: not known
    const char *challenges; // folder of ACME challenges; NULL: none
};

struct import_backend {
    const char *target;                         // name of an upstream, or an address
    const char *read_timeout, *connect_timeout; // as Ravelin writes them; "": the default
    const char *name;
    bool is_empty; // no server of it can be used
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
    const char **names; // of sites, aliases included
    size_t name_count, name_capacity;
    const char **prefixes; // of the routes of the site that is being written
    size_t prefix_count, prefix_capacity;
    const char *closed; // why all of the site is closed; NULL: it is not
    bool has_any;       // a site has the alias "*"
    bool refuses_unknown_names;
    uint64_t body_size; // of limits; 0: unlimited
    FILE *sites;        // what is written so far
    FILE *servers;
};

// --- nginx_values.c ---

// Makes room for one more item in an array of the tree, and returns the new, zeroed item.
void *import_add(struct import *import, void *items, size_t *count, size_t *capacity, size_t size);
// Prints a value in quotes. False, with nothing printed: Ravelin cannot write it.
bool import_quote(FILE *out, const char *text);
bool import_can_quote(const char *text);
// "60" or "1m30s" as Ravelin writes a time, between `least` and `most` milliseconds. NULL: no time.
const char *import_time(struct import *import, const char *text, uint64_t least, uint64_t most);
// "10m" as bytes. False: no size.
bool import_size(const char *text, uint64_t *size);
const char *import_size_text(struct import *import, uint64_t size);
bool import_number(const char *text, uint64_t *number);
// An address to listen on: "443", "*:443", "[::]:443". NULL: Ravelin cannot listen there.
const char *import_listen_address(struct import *import, const char *text);
// The address or DNS name of a server, with its port. NULL: it is neither.
const char *import_server_address(struct import *import, const char *text);
bool import_is_network(const char *text);
// True if the text has a variable of nginx.
bool import_has_variable(const char *text);
// What a header changes: true if it can be written as "Name: value" in a set-header.
bool import_is_field(const char *name, const char *value);

// Notes that a directive is not, or not wholly, translated.
void import_note(struct import *import, struct nginx_directive *directive, const char *text);
// The directive needs nothing more.
static inline void import_done(struct nginx_directive *directive) {
    if (directive != NULL) {
        directive->is_done = true;
    }
}
// Marks all directives of this name in the nearest block that has one, and returns that block.
struct nginx_directive *import_inherit(struct nginx_directive *block, const char *name);

// --- nginx_backends.c ---

// The backend for a proxy_pass, which is made if there is none. `target`: behind "http://".
const struct import_backend *import_backend(struct import *import, struct nginx_directive *pass,
                                            const char *target);

// --- nginx_redirects.c ---

struct import_redirect {
    uint32_t status;
    const char *url; // as Ravelin writes it
    bool keeps_path; // the URL has no path, and the request's path follows
    uint32_t port;   // of an https URL with the host of the request; 0: none
    bool to_https;   // to https on the host of the request
};

// What a `return` or `rewrite` redirects to. False: it is no redirect that Ravelin can do.
bool import_redirect(struct import *import, const struct nginx_directive *directive,
                     struct import_redirect *redirect);
// The redirect of all of a server, and the directive that says so; NULL: there is none.
struct nginx_directive *import_whole_redirect(struct import *import,
                                              const struct nginx_directive *server,
                                              struct import_redirect *redirect);

// --- nginx_routes.c ---

// Why a block must stay closed: the name of a directive that restricts it and has no counterpart.
// NULL: it need not.
const char *import_closes(struct nginx_directive *block);
// Headers that Ravelin sets itself, as proxy configurations usually have them.
bool import_is_set_anyway(const char *name);
void import_location(struct import *import, struct nginx_directive *location);
// The route "/" of a server without a location for it.
void import_whole_server(struct import *import, struct nginx_directive *server);

// --- nginx_sites.c ---

void import_server(struct import *import, struct nginx_directive *server, bool is_default);
// A server without TLS becomes a redirect listener, or nothing.
void import_plain_server(struct import *import, struct nginx_directive *server);
bool import_has_tls(const struct nginx_directive *server);

#endif
