#include "config/acme.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Largest size of a file name, because lego appends ".issuer.crt" to it.
enum { NAME_MAX_SIZE = 240 };

#define RSA_ENDING "+rsa"

static bool is_acme(const struct config_certificate *certificate) {
    return certificate->acme_name != NULL ||
           (certificate->certificate_path != NULL &&
            strcmp(certificate->certificate_path, CONFIG_ACME) == 0);
}

// Index of the ordered certificate of the site; certificate_count: none.
static size_t find_acme(const struct config_site *site) {
    size_t place = 0;
    while (place < site->certificate_count && !is_acme(&site->certificates[place])) {
        place++;
    }
    return place;
}

static bool has_acme(const struct config_site *site) {
    return find_acme(site) < site->certificate_count;
}

bool acme_is_used(const struct config *config) {
    for (size_t i = 0; i < config->site_count; i++) {
        if (has_acme(&config->sites[i])) {
            return true;
        }
    }
    return false;
}

bool acme_path(const struct config *config, const char *place, const char *file, const char *ending,
               char path[ACME_PATH_MAX]) {
    int size =
        snprintf(path, ACME_PATH_MAX, "%s/%s/%s%s", config->acme.folder, place, file, ending);
    return size > 0 && size < ACME_PATH_MAX;
}

// --- Checks ---

static const char *name_at(const struct config_site *site, size_t index) {
    return index == 0 ? site->name : site->aliases[index - 1];
}

// NULL: a CA can certify the name by http-01.
static const char *judge_name(const char *name) {
    bool is_address = name[0] == '[' || name[strspn(name, "0123456789.")] == '\0';
    return strchr(name, '*') != NULL      ? "a name with '*' needs a challenge in DNS"
           : is_address                   ? "it is no host name"
           : strlen(name) > NAME_MAX_SIZE ? "it is too long"
                                          : NULL;
}

static void check_names(const struct config_site *site, int line, struct report *report) {
    for (size_t i = 0; site->name != NULL && i <= site->alias_count; i++) {
        const char *why = judge_name(name_at(site, i));
        if (why != NULL) {
            report_add(report, line, "certificate acme cannot be for '%.*s': %s", REPORT_QUOTE_MAX,
                       name_at(site, i), why);
        }
    }
}

static void check_listeners(const struct config *config, int line, struct report *report) {
    bool redirects = false;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        redirects |= listen->protocol == LISTEN_REDIRECT;
        if (listen->challenge_path != NULL) {
            report_add(report, listen->challenge_line,
                       "acme-challenge is set by itself if a site has certificate acme");
        }
    }
    if (!redirects) {
        report_add(report, line,
                   "certificate acme requires a listener with protocol = redirect, on port 80");
    }
}

static void check_account(const struct config *config, int line, struct report *report) {
    const struct config_acme *acme = &config->acme;
    if (acme->email == NULL || !acme->agree) {
        report_add(report, line,
                   "certificate acme requires acme { email = you@example.com agree = yes }: the "
                   "authority has terms of service");
    }
    if (acme->directory != NULL && strncmp(acme->directory, "https://", 8) != 0) {
        report_add(report, acme->directory_line, "directory must be an https:// URL");
    }
}

void acme_check(const struct config *config, struct report *report) {
    bool is_first = true;
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            const struct config_certificate *entry = &site->certificates[k];
            if (is_acme(entry) && (entry->key_line != 0 || entry->ocsp_line != 0)) {
                report_add(report, entry->line, "certificate acme has no key and no ocsp");
            }
        }
        if (!has_acme(site)) {
            continue;
        }
        int line = site->certificates[find_acme(site)].line;
        check_names(site, line, report);
        if (is_first) {
            check_account(config, line, report);
            check_listeners(config, line, report);
            is_first = false;
        }
    }
}

// --- Expansion ---

static char *path_of(const struct config *config, const char *place, const char *file,
                     const char *ending) {
    char path[ACME_PATH_MAX];
    return acme_path(config, place, file, ending, path) ? strdup(path) : NULL;
}

static bool fill(const struct config *config, const char *name, bool is_rsa, int line,
                 struct config_certificate *entry) {
    char file[NAME_MAX_SIZE + sizeof(RSA_ENDING)];
    (void)snprintf(file, sizeof(file), "%s%s", name, is_rsa ? RSA_ENDING : "");
    *entry = (struct config_certificate){
        .certificate_path = path_of(config, "work", file, ".pem"),
        .key_path = path_of(config, "keys", file, ".key"),
        .spare_path = path_of(config, "keys", file, ".pem"),
        .acme_name = strdup(name),
        .acme_file = strdup(file),
        .acme_is_rsa = is_rsa,
        .line = line,
        .key_line = line,
    };
    return entry->certificate_path != NULL && entry->key_path != NULL &&
           entry->spare_path != NULL && entry->acme_name != NULL && entry->acme_file != NULL;
}

// Replaces one certificate by those of all names. config_free() frees the parts that were filled.
static bool expand_site(const struct config *config, struct config_site *site, size_t place) {
    size_t kinds = config->acme.keys == ACME_KEYS_ECDSA_AND_RSA ? 2 : 1;
    size_t added = (1 + site->alias_count) * kinds - 1;
    size_t count = site->certificate_count + added;
    struct config_certificate *list = reallocarray(site->certificates, count, sizeof(*list));
    if (list == NULL) {
        return false;
    }
    int line = list[place].line;
    free(list[place].certificate_path);
    memmove(&list[place + 1 + added], &list[place + 1],
            (site->certificate_count - place - 1) * sizeof(*list));
    memset(&list[place], 0, (1 + added) * sizeof(*list));
    site->certificates = list;
    site->certificate_count = count;
    bool ok = true;
    for (size_t i = 0; ok && i <= added; i++) {
        ok = fill(config, name_at(site, i / kinds), i % kinds != 0, line, &list[place + i]);
    }
    return ok;
}

// Listeners answer challenges from the folder of the ACME client.
static bool set_challenges(struct config *config) {
    for (size_t i = 0; i < config->listener_count; i++) {
        struct config_listen *listen = &config->listeners[i];
        if (listen->protocol == LISTEN_REDIRECT && listen->challenge_path == NULL) {
            listen->challenge_path = path_of(config, "work", "webroot", "");
            if (listen->challenge_path == NULL) {
                return false;
            }
        }
    }
    return true;
}

bool acme_expand(struct config *config) {
    if (!acme_is_used(config)) {
        return true;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        struct config_site *site = &config->sites[i];
        size_t place = find_acme(site);
        bool is_to_do =
            place < site->certificate_count && site->certificates[place].acme_name == NULL;
        if (is_to_do && !expand_site(config, site, place)) {
            return false;
        }
    }
    return set_challenges(config);
}

const char **acme_list_paths(const struct config *config, size_t *count) {
    size_t most = 1;
    for (size_t i = 0; i < config->site_count; i++) {
        most += config->sites[i].certificate_count;
    }
    const char **paths = calloc(most, sizeof(*paths));
    *count = 0;
    for (size_t i = 0; paths != NULL && i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            if (site->certificates[k].acme_name != NULL) {
                paths[(*count)++] = site->certificates[k].certificate_path;
            }
        }
    }
    return paths;
}
