// Passwords: auth_basic and auth_basic_user_file as `users` of a route.
#include "import/nginx_internal.h"

#include "config/config.h"

#include <string.h>
#include <strings.h>

bool import_asks_password(struct nginx_directive *block) {
    const struct nginx_directive *realm = import_found(block, "auth_basic");
    return realm != NULL && strcmp(nginx_argument(realm, 0), "off") != 0;
}

// A realm in a variable may be "off" for some requests: the route asks then more often than nginx.
static bool has_file(struct nginx_directive *block) {
    const struct nginx_directive *file = import_found(block, "auth_basic_user_file");
    const char *path = file == NULL ? "" : nginx_argument(file, 0);
    return path[0] != '\0' && !import_has_variable(path) && import_can_quote(path);
}

bool import_login_is_lost(struct nginx_directive *block) {
    return import_asks_password(block) && !has_file(block);
}

static bool is_realm(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            return false;
        }
    }
    return text[0] != '\0' && !import_has_variable(text) && strpbrk(text, "\"\\") == NULL &&
           strlen(text) <= CONFIG_REALM_MAX;
}

struct nginx_directive *import_user_header(struct nginx_directive *block) {
    struct nginx_directive *level = import_asks_password(block) && has_file(block)
                                        ? nginx_level(block, "proxy_set_header")
                                        : NULL;
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        struct nginx_directive *header = level->inner[i];
        const char *name = nginx_argument(header, 0);
        if (strcmp(header->name, "proxy_set_header") == 0 &&
            strcmp(nginx_argument(header, 1), "$remote_user") == 0 && import_is_field(name, "x") &&
            !import_is_set_anyway(name)) {
            return header;
        }
    }
    return NULL;
}

static bool drops_password(struct nginx_directive *block) {
    const struct nginx_directive *level = nginx_level(block, "proxy_set_header");
    for (size_t i = 0; level != NULL && i < level->inner_count; i++) {
        const struct nginx_directive *header = level->inner[i];
        if (strcmp(header->name, "proxy_set_header") == 0 &&
            strcasecmp(nginx_argument(header, 0), "Authorization") == 0) {
            return true;
        }
    }
    return false;
}

void import_login(struct import *import, struct nginx_directive *block) {
    if (!import_asks_password(block) || !has_file(block)) {
        return;
    }
    const char *realm = nginx_argument(import_found(block, "auth_basic"), 0);
    const char *path = nginx_argument(import_found(block, "auth_basic_user_file"), 0);
    (void)import_inherit(block, "auth_basic");
    (void)import_inherit(block, "auth_basic_user_file");
    (void)fputs("        users = ", import->sites);
    (void)import_quote(import->sites, import_absolute(import, path));
    (void)fputs(" # its hashes must be bcrypt, yescrypt or SHA-512: htpasswd -B\n", import->sites);
    if (is_realm(realm)) {
        (void)fprintf(import->sites, "        realm = \"%s\"\n", realm);
    }
    struct nginx_directive *header = import_user_header(block);
    if (header != NULL) {
        (void)fprintf(import->sites, "        user-header = \"%s\"\n", nginx_argument(header, 0));
        header->is_done = true;
    }
    if (!drops_password(block)) {
        (void)fputs("        pass-authorization = yes\n", import->sites);
    }
}
