#include "exchange/affinity.h"

#include "base/hash.h"

static const struct slice NONE = {NULL, 0};

// Returns the next field of this name, from *from on, in any case. *from is then behind it.
static const struct http_field *next_field(const struct http_fields *fields, struct slice name,
                                           uint32_t *from) {
    while (*from < fields->count) {
        const struct http_field *field = &fields->items[(*from)++];
        if (slice_equal_nocase(field->name, name)) {
            return field;
        }
    }
    return NULL;
}

static struct slice skip(struct slice text, size_t size) {
    return (struct slice){text.data + size, text.size - size};
}

// In "a=1; b=2".
static struct slice find_pair(struct slice pairs, struct slice name) {
    while (pairs.size > 0) {
        while (pairs.size > 0 && (pairs.data[0] == ' ' || pairs.data[0] == '\t')) {
            pairs = skip(pairs, 1);
        }
        const char *semicolon = memchr(pairs.data, ';', pairs.size);
        size_t size = semicolon == NULL ? pairs.size : (size_t)(semicolon - pairs.data);
        if (size > name.size && memcmp(pairs.data, name.data, name.size) == 0 &&
            pairs.data[name.size] == '=') {
            return (struct slice){pairs.data + name.size + 1, size - name.size - 1};
        }
        pairs = skip(pairs, semicolon == NULL ? size : size + 1);
    }
    return NONE;
}

struct slice affinity_cookie(const struct http_fields *fields, struct slice name) {
    struct slice value = NONE;
    const struct http_field *field;
    for (uint32_t at = 0; value.data == NULL;) {
        field = next_field(fields, SLICE("cookie"), &at);
        if (field == NULL) {
            break;
        }
        value = find_pair(field->value, name);
    }
    return value;
}

// The bytes of the address that distinguish clients.
static struct slice client_bytes(union ip_address *client) {
    ip_address_unmap(client);
    return client->any.sa_family == AF_INET6
               ? (struct slice){(const char *)&client->v6.sin6_addr, 8}
               : (struct slice){(const char *)&client->v4.sin_addr, sizeof(client->v4.sin_addr)};
}

static struct slice find_value(const struct config_hash_by *by, const struct http_request *request,
                               union ip_address *client) {
    uint32_t from = 0;
    const struct http_field *field;
    switch (by->what) {
    case HASH_BY_PATH:
        return (struct slice){request->path.data, request->path_size};
    case HASH_BY_HEADER:
        field = next_field(request->fields, slice_from(by->name), &from);
        return field == NULL ? NONE : field->value;
    case HASH_BY_COOKIE:
        return affinity_cookie(request->fields, slice_from(by->name));
    default:
        return client_bytes(client);
    }
}

static void set_key(struct affinity *affinity, struct slice value) {
    affinity->has_key = value.data != NULL;
    affinity->key = value.data == NULL ? 0 : hash_bytes(value.data, value.size);
}

void affinity_find(struct affinity *affinity, const struct config_backend *backend,
                   const struct http_request *request, const union ip_address *client) {
    if (backend == NULL) {
        return;
    }
    if (backend->sticky != NULL) {
        struct slice text = affinity_cookie(request->fields, slice_from(backend->sticky));
        affinity->has_name = server_name_read(text, affinity->name);
    }
    if (backend->balance == BALANCE_HASH) {
        union ip_address copy = *client;
        set_key(affinity, find_value(&backend->hash_by, request, &copy));
    }
}

void affinity_find_client(struct affinity *affinity, const struct config_backend *backend,
                          const union ip_address *client) {
    if (backend->balance == BALANCE_HASH) {
        union ip_address copy = *client;
        set_key(affinity, client_bytes(&copy));
    }
}
