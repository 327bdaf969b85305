#include "config/check.h"

#include "config/suggest.h"

#include <stdlib.h>
#include <string.h>

static int compare_routes(const void *left, const void *right) {
    const struct config_route *a = left;
    const struct config_route *b = right;
    return a->prefix_size != b->prefix_size ? (a->prefix_size < b->prefix_size ? 1 : -1)
                                            : (a->line > b->line) - (a->line < b->line);
}

// The backends by name.
struct entry {
    const char *name;
    size_t index;
};

struct index {
    struct entry *entries;
    size_t count;
};

static int compare_entries(const void *left, const void *right) {
    const struct entry *a = left;
    const struct entry *b = right;
    return strcmp(a->name, b->name);
}

static bool index_backends(const struct config *config, struct index *index) {
    *index = (struct index){.entries = calloc(config->backend_count + 1, sizeof(*index->entries))};
    if (index->entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        // A name that is not valid was reported already, and nothing can have it.
        if (config->backends[i].name != NULL) {
            index->entries[index->count++] = (struct entry){config->backends[i].name, i};
        }
    }
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    return true;
}

static void report_no_backend(const struct config_route *route, const struct index *index,
                              struct report *report) {
    char hint[SUGGESTION_TEXT_SIZE];
    struct suggestion suggestion;
    suggestion_init(&suggestion, route->backend_name);
    for (size_t i = 0; i < index->count; i++) {
        suggestion_offer(&suggestion, index->entries[i].name);
    }
    suggestion_format(&suggestion, hint);
    report_add(report, route->backend_line, "no backend '%.*s'%s", REPORT_QUOTE_MAX,
               route->backend_name, hint);
}

static void find_backend(struct config_route *route, const struct index *index,
                         struct report *report) {
    if (route->backend_name == NULL) {
        return;
    }
    const struct entry wanted = {.name = route->backend_name};
    const struct entry *found =
        bsearch(&wanted, index->entries, index->count, sizeof(wanted), compare_entries);
    if (found == NULL) {
        report_no_backend(route, index, report);
    } else {
        route->backend_index = found->index;
    }
}

void check_config(struct config *config, struct report *report) {
    struct index index;
    if (!index_backends(config, &index)) {
        report_out_of_memory(report);
        return;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        struct config_site *site = &config->sites[i];
        for (size_t j = 0; j < site->route_count; j++) {
            find_backend(&site->routes[j], &index, report);
        }
        if (site->route_count > 0) {
            qsort(site->routes, site->route_count, sizeof(*site->routes), compare_routes);
        }
    }
    free(index.entries);
}
