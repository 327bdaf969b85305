#include "config/server_title.h"

#include "base/network.h"
#include "config/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SRV "srv:"

const char SERVER_TITLE_NO_MEMORY[] = "out of memory";

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_address(const char *title) {
    const char *colon = strrchr(title, ':');
    size_t host = colon == NULL ? strlen(title) : (size_t)(colon - title);
    // No top-level domain is a number, so a title that ends with one is a malformed address.
    while (host > 0 && title[host - 1] >= '0' && title[host - 1] <= '9') {
        host--;
    }
    bool ends_with_number = (host == 0 || title[host - 1] == '.') && title[host] != ':';
    return begins_with(title, "unix:") || title[0] == '[' || title[0] == '\0' || title[0] == ':' ||
           colon != strchr(title, ':') || ends_with_number;
}

static const char *store(struct config_server *server, const struct address *address, char *text,
                         char *host, uint16_t port) {
    if (text == NULL || (host == NULL && address->size == 0)) {
        free(text);
        free(host);
        return SERVER_TITLE_NO_MEMORY;
    }
    server->address = *address;
    server->text = text;
    server->host = host;
    server->port = port;
    return NULL;
}

static const char *parse_address(const char *title, struct config_server *server) {
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    const char *why;
    if (address_parse(slice_from(title), &address, &why) != RESULT_OK) {
        return why;
    }
    if (address.as.any.sa_family != AF_UNIX && address_port(&address) == 0) {
        return "no port 0";
    }
    address_format(&address, text);
    return store(server, &address, strdup(text), NULL, 0);
}

// Writes the canonical name. NULL, or the problem.
static const char *check_name(const char *name, char host[HOST_TEXT_SIZE]) {
    const char *why = host_canonical(name, false, host);
    if (why != NULL) {
        return why;
    }
    // RFC 6761 6.3: a name that must not be sent to a resolver.
    size_t size = strlen(host);
    bool is_local = strcmp(host, "localhost") == 0 ||
                    (size > 10 && strcmp(host + size - 10, ".localhost") == 0);
    return is_local ? "write 127.0.0.1 or [::1] for this machine" : NULL;
}

static const char *parse_srv(const char *name, struct config_server *server) {
    static const struct address none;
    char host[HOST_TEXT_SIZE];
    char text[HOST_TEXT_SIZE + 8];
    if (strchr(name, ':') != NULL) {
        return "no port: SRV records have the ports";
    }
    const char *dot = strchr(name, '.');
    if (name[0] != '_' || dot == NULL || dot[1] != '_' || strchr(dot + 1, '.') == NULL) {
        return "the name of SRV records is _SERVICE._PROTOCOL.NAME";
    }
    const char *why = check_name(name, host);
    if (why != NULL) {
        return why;
    }
    (void)snprintf(text, sizeof(text), SRV "%s", host);
    return store(server, &none, strdup(text), strdup(host), 0);
}

static const char *no_port(const char *host, char scratch[128]) {
    (void)snprintf(scratch, 128, "no port; write %.64s:80 for port 80", host);
    return scratch;
}

// 1 to 65535; 0: not a port.
static uint16_t read_port(const char *text) {
    size_t size = strlen(text);
    unsigned long port =
        size <= 5 && strspn(text, "0123456789") == size ? strtoul(text, NULL, 10) : 0;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static const char *parse_host(const char *title, struct config_server *server, char scratch[128]) {
    static const struct address none;
    char name[HOST_TEXT_SIZE + 8];
    char host[HOST_TEXT_SIZE];
    char text[HOST_TEXT_SIZE + 8];
    const char *colon = strchr(title, ':');
    size_t size = colon == NULL ? strlen(title) : (size_t)(colon - title);
    if (size >= sizeof(name)) {
        return "longer than 253 characters";
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)size, title);
    const char *why = check_name(name, host);
    if (why != NULL) {
        return why;
    }
    if (colon == NULL) {
        return no_port(host, scratch);
    }
    uint16_t port = read_port(colon + 1);
    if (port == 0) {
        return "the port is not 1 to 65535";
    }
    (void)snprintf(text, sizeof(text), "%s:%u", host, (unsigned)port);
    return store(server, &none, strdup(text), strdup(host), port);
}

const char *server_title_parse(const char *title, struct config_server *server, char scratch[128]) {
    if (strstr(title, "://") != NULL) {
        return "write the address or name with its port alone; servers receive plain HTTP";
    }
    if (begins_with(title, SRV)) {
        return parse_srv(title + strlen(SRV), server);
    }
    return is_address(title) ? parse_address(title, server) : parse_host(title, server, scratch);
}

bool resolver_parse(struct slice text, struct address *address) {
    enum { DNS_PORT = 53 };
    union ip_address ip;
    bool bracketed = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    if (bracketed) {
        text = (struct slice){text.data + 1, text.size - 2};
    }
    if (!ip_address_parse(text, &ip)) {
        return false;
    }
    *address = (struct address){.size = 0};
    if (ip.any.sa_family == AF_INET) {
        address->as.v4 = ip.v4;
        address->as.v4.sin_port = htons(DNS_PORT);
        address->size = sizeof(ip.v4);
    } else {
        address->as.v6 = ip.v6;
        address->as.v6.sin6_port = htons(DNS_PORT);
        address->size = sizeof(ip.v6);
    }
    return true;
}
