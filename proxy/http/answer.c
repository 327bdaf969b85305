// Responses that Ravelin generates: the second half of http/encode.h.
#include "http/encode.h"
#include "http/walk.h"
#include "http/writer.h"

struct known_status {
    uint16_t status;
    const char *reason;
    const char *sentence;
};

static const struct known_status known_statuses[] = {
    {200, "OK", "The request succeeded."},
    {204, "No Content", ""},
    {301, "Moved Permanently", "This page has moved permanently to another address."},
    {302, "Found", "This page is temporarily at another address."},
    {303, "See Other", "The response is at another address."},
    {307, "Temporary Redirect", "This page is temporarily at another address."},
    {308, "Permanent Redirect", "This page has moved permanently to another address."},
    {400, "Bad Request", "The request is malformed."},
    {401, "Unauthorized", "This page requires a user name and a password."},
    {403, "Forbidden", "Access to this page is denied."},
    {404, "Not Found", "There is no page at this address."},
    {405, "Method Not Allowed", "This method is not allowed for this address."},
    {408, "Request Timeout", "The request did not arrive in time."},
    {410, "Gone", "The page at this address has been removed."},
    {413, "Content Too Large", "The request body is too large."},
    {414, "URI Too Long", "The address in the request is too long."},
    {417, "Expectation Failed", "The proxy does not support the Expect header of the request."},
    {421, "Misdirected Request", "The proxy does not serve this host name on this connection."},
    {429, "Too Many Requests", "Too many requests from this address. Try again later."},
    {431, "Request Header Fields Too Large", "The request headers are too large."},
    {500, "Internal Server Error", "The proxy has an internal error."},
    {501, "Not Implemented", "The proxy does not support this request."},
    {502, "Bad Gateway", "The server behind the proxy sent no valid response."},
    {503, "Service Unavailable", "No server is available at the moment. Try again later."},
    {504, "Gateway Timeout", "The server behind the proxy did not respond in time."},
    {505, "HTTP Version Not Supported", "The proxy does not support this version of HTTP."},
};

static struct known_status find_status(uint16_t status) {
    for (size_t i = 0; i < sizeof known_statuses / sizeof known_statuses[0]; i++) {
        if (known_statuses[i].status == status) {
            return known_statuses[i];
        }
    }
    return (struct known_status){status, "Error", "The request failed."};
}

const char *http_reason(uint16_t status) {
    return find_status(status).reason;
}

static void put_title(struct writer *writer, const struct known_status *known) {
    writer_put_number(writer, known->status);
    writer_put_text(writer, " ");
    writer_put(writer, slice_from(known->reason));
}

// All of the page except the text between: "NNN Reason" twice, and the sentence.
#define PAGE_START                                                                                 \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                      \
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"
#define PAGE_STYLE                                                                                 \
    "</title>\n<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;"   \
    "padding:0 1em;color:#222;background:#fff}h1{font-size:1.5em}</style>\n</head>\n<body>\n<h1>"
#define PAGE_TEXT "</h1>\n<p>"
#define PAGE_END "</p>\n</body>\n</html>\n"

static size_t page_size(const struct known_status *known) {
    size_t fixed = sizeof(PAGE_START PAGE_STYLE PAGE_TEXT PAGE_END) - 1;
    return fixed + 2 * (4 + strlen(known->reason)) + strlen(known->sentence);
}

static bool has_page(const struct known_status *known) {
    return known->status != 204 && known->status != 304;
}

static void put_page(struct writer *writer, const struct known_status *known) {
    writer_put_text(writer, PAGE_START);
    put_title(writer, known);
    writer_put_text(writer, PAGE_STYLE);
    put_title(writer, known);
    writer_put_text(writer, PAGE_TEXT);
    writer_put(writer, slice_from(known->sentence));
    writer_put_text(writer, PAGE_END);
}

size_t http_page_size(uint16_t status) {
    struct known_status known = find_status(status);
    return has_page(&known) ? page_size(&known) : 0;
}

size_t http_encode_page(uint16_t status, char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    struct known_status known = find_status(status);
    if (has_page(&known)) {
        put_page(&writer, &known);
    }
    return writer_finish(&writer);
}

size_t http_encode_json(uint16_t status, char *output, size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    struct known_status known = find_status(status);
    writer_put_text(&writer, "{\"status\":");
    writer_put_number(&writer, status);
    writer_put_text(&writer, ",\"title\":\"");
    writer_put(&writer, slice_from(known.reason));
    writer_put_text(&writer, "\",\"detail\":\"");
    writer_put(&writer, slice_from(known.sentence));
    writer_put_text(&writer, "\"}\n");
    return writer_finish(&writer);
}

size_t http_encode_answer(uint16_t status, struct slice extra, const struct http_page *page,
                          bool close, bool head_only, struct slice date, char *output,
                          size_t capacity) {
    struct writer writer = writer_begin(output, capacity);
    struct known_status known = find_status(status);
    writer_put_text(&writer, "HTTP/1.1 ");
    put_title(&writer, &known);
    writer_put_text(&writer, "\r\n");
    http_walk_answer(status, extra, page, close, date, writer_sink(&writer));
    writer_put_text(&writer, "\r\n");
    if (!head_only && page == NULL && has_page(&known)) {
        put_page(&writer, &known);
    }
    return writer_finish(&writer);
}

size_t http_encode_redirect(const struct http_request *request, uint16_t https_port, char *output,
                            size_t capacity) {
    if (request->host.size == 0) {
        return 0;
    }
    struct writer writer = writer_begin(output, capacity);
    bool whole_server = slice_equal(request->path, SLICE("*"));
    writer_put_text(&writer, "Location: https://");
    writer_put(&writer, request->host);
    if (https_port != 443) {
        writer_put_text(&writer, ":");
        writer_put_number(&writer, https_port);
    }
    writer_put(&writer, whole_server ? SLICE("/") : request->path);
    writer_put_text(&writer, "\r\n");
    return writer_finish(&writer);
}
