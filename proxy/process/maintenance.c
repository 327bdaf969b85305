#include "process/maintenance.h"

#include "config/host.h"

#include <stdio.h>
#include <string.h>

// The beginning of the name of a site's order. No backend has a colon in its name.
static const char MARK[] = "site:";

static bool has_name(const struct config_site *site, const char *host) {
    bool found = strcmp(site->name, host) == 0;
    for (size_t i = 0; !found && i < site->alias_count; i++) {
        found = strcmp(site->aliases[i], host) == 0;
    }
    return found;
}

// The index of the site with this name or alias; site_count: none.
static size_t find_site(const struct config *config, const char *name) {
    char host[HOST_TEXT_SIZE];
    size_t i = 0;
    if (host_canonical(name, true, host) != NULL) {
        return config->site_count;
    }
    while (i < config->site_count && !has_name(&config->sites[i], host)) {
        i++;
    }
    return i;
}

int maintenance_order(const struct source *source, const char *name, const char *word,
                      struct log *log, char text[SERVERS_TEXT_SIZE]) {
    bool on = strcmp(word, "on") == 0;
    if (!on && strcmp(word, "off") != 0) {
        (void)snprintf(text, SERVERS_TEXT_SIZE, "maintenance is on or off, not '%s'", word);
        return 2;
    }
    size_t index = find_site(source->config, name);
    if (index == source->config->site_count) {
        (void)snprintf(text, SERVERS_TEXT_SIZE, "no site '%s'", name);
        return 1;
    }
    const char *site = source->config->sites[index].name;
    if (server_table_site_is_closed(&source->servers, index) != on) {
        server_table_close_site(&source->servers, index, on);
        log_info(log, "site %s: maintenance is %s", site, word);
    }
    (void)snprintf(text, SERVERS_TEXT_SIZE, "%s: maintenance is %s", site, word);
    return 0;
}

void maintenance_keep(const struct source *next, const struct source *former, struct log *log) {
    for (size_t i = 0; i < former->config->site_count; i++) {
        if (!server_table_site_is_closed(&former->servers, i)) {
            continue;
        }
        const char *name = former->config->sites[i].name;
        size_t index = find_site(next->config, name);
        if (index < next->config->site_count) {
            server_table_close_site(&next->servers, index, true);
        } else {
            log_info(log, "site %s: maintenance ends, because the site is gone", name);
        }
    }
}

bool maintenance_next(const struct source *source, size_t *at, struct servers_order *order) {
    const size_t servers = source->servers.count; // orders of servers come before those of sites
    size_t index = *at > servers ? *at - servers : 0;
    while (index < source->config->site_count &&
           !server_table_site_is_closed(&source->servers, index)) {
        index++;
    }
    if (index >= source->config->site_count) {
        return false;
    }
    *order = (struct servers_order){.order = SERVER_ORDER_DOWN};
    (void)snprintf(order->name, sizeof(order->name), "%s%s", MARK,
                   source->config->sites[index].name);
    *at = servers + index + 1;
    return true;
}

bool maintenance_take(const struct source *source, const struct servers_order *order) {
    size_t size = sizeof(MARK) - 1;
    size_t index = strncmp(order->name, MARK, size) == 0
                       ? find_site(source->config, order->name + size)
                       : source->config->site_count;
    if (index == source->config->site_count) {
        return false;
    }
    server_table_close_site(&source->servers, index, true);
    return true;
}
