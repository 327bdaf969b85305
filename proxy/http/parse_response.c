// Responses and trailer sections: the second part of http/parse.h.
#include "http/parse.h"
#include "http/parse_internal.h"

// Persistent-Auth, whatever it says, comes from a server that authenticates connections.
static bool binds_connection(const struct http_fields *fields, const struct http_index *index) {
    const uint64_t challenges =
        FIELD_BIT(FIELD_WWW_AUTHENTICATE) | FIELD_BIT(FIELD_PROXY_AUTHENTICATE);
    if ((index->seen & (challenges | FIELD_BIT(FIELD_PERSISTENT_AUTH))) == 0) {
        return false;
    }
    bool binds = has(index, FIELD_PERSISTENT_AUTH);
    for (uint32_t i = 0; i < fields->count && !binds; i++) {
        const struct http_field *field = &fields->items[i];
        binds =
            (challenges & FIELD_BIT(field->id)) != 0 && http_authenticates_connection(field->value);
    }
    return binds;
}

static enum result decide_switch(const struct http_response *response,
                                 const struct http_index *index,
                                 const struct connection *connection, struct slice asked,
                                 struct http_refusal *refusal) {
    if (asked.size == 0) {
        return refuse(refusal, 502, "101 that was not asked for");
    }
    struct protocols protocols = {0, false, false, &asked};
    if (response->minor_version == 0 || !connection->upgrade || !has(index, FIELD_UPGRADE) ||
        has_repeated(index, FIELD_UPGRADE) ||
        !http_list_each(index->first[FIELD_UPGRADE]->value, http_on_protocol, &protocols) ||
        protocols.count == 0 || protocols.barred) {
        return refuse(refusal, 502, "101 without a proper Upgrade");
    }
    if (protocols.others) {
        return refuse(refusal, 502, "101 to a protocol that was not asked for");
    }
    return RESULT_OK;
}

// Lengths where there can be none. A 205 never has a body either, but not every client knows.
static enum result check_response_body(const struct http_response *response,
                                       const struct body_length *body,
                                       struct http_refusal *refusal) {
    if (response->status < 200 && response->minor_version == 0) {
        return refuse(refusal, 502, "1xx in HTTP/1.0");
    }
    if (response->status == 205 && body->length > 0) {
        return refuse(refusal, 502, "205 with a body");
    }
    return RESULT_OK;
}

static void decide_response_body(struct http_response *response, const struct body_length *body,
                                 bool request_is_head) {
    bool never_body = response->status < 200 || response->status == 204;
    response->interim = response->status < 200 && response->status != 101;
    response->has_declared_length = body->has_length && !never_body;
    response->declared_length = response->has_declared_length ? body->length : 0;
    response->declared_chunked = body->chunked && !never_body;
    response->content_length = 0;
    if (response->status == 101) {
        response->framing = FRAMING_TUNNEL;
    } else if (never_body || request_is_head || response->status == 304) {
        response->framing = FRAMING_NONE;
    } else if (body->chunked) {
        response->framing = FRAMING_CHUNKED;
    } else if (body->has_length) {
        response->framing = body->length == 0 ? FRAMING_NONE : FRAMING_LENGTH;
        response->content_length = body->length;
    } else {
        response->framing = FRAMING_CLOSE;
    }
}

static enum result parse_response(struct slice head, bool request_is_head, struct slice protocols,
                                  struct http_fields *fields, struct http_response *response,
                                  struct http_refusal *refusal) {
    if (head.size > HTTP_RESPONSE_HEAD_SIZE_MAX) {
        return refuse(refusal, 502, "head over 256 KiB");
    }
    struct http_status_line line;
    size_t line_size = http_scan_status_line(head, &line, refusal);
    if (line_size == 0) {
        return RESULT_ERROR;
    }
    response->status = line.status;
    response->reason = line.reason;
    response->minor_version = line.minor_version;
    response->fields = fields;
    struct slice section = {head.data + line_size, head.size - line_size};
    __attribute__((uninitialized)) struct http_index index; // `seen` tells what is set
    struct connection connection;
    struct body_length body;
    if (http_scan_fields(section, fields, &index, refusal) != RESULT_OK ||
        http_read_connection(fields, &index, &connection, refusal) != RESULT_OK ||
        http_read_body_length(&index, line.minor_version, &body, refusal) != RESULT_OK ||
        check_response_body(response, &body, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    decide_response_body(response, &body, request_is_head);
    response->binds_connection = binds_connection(fields, &index);
    bool announces = line.status == 204 && (body.chunked || body.length > 0);
    response->keep_alive = keeps_alive(&connection, line.minor_version) && !announces &&
                           response->framing != FRAMING_CLOSE &&
                           response->framing != FRAMING_TUNNEL;
    if (line.status == 101 &&
        decide_switch(response, &index, &connection, protocols, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return http_read_again(section, fields, &body, refusal);
}

enum result http_parse_response(struct slice head, bool request_is_head, struct slice protocols,
                                struct http_fields *fields, struct http_response *response,
                                const char **why) {
    struct http_refusal refusal;
    enum result result =
        parse_response(head, request_is_head, protocols, fields, response, &refusal);
    if (result != RESULT_OK) {
        *why = refusal.why;
    }
    return result;
}

// ---- trailers

enum result http_parse_trailers(struct slice section, struct http_fields *fields,
                                const char **why) {
    struct http_refusal refusal = {400, "trailer section over 256 KiB"};
    const struct body_length no_body = {false, false, 0};
    __attribute__((uninitialized)) struct http_index index; // `seen` tells what is set
    *why = NULL;
    if (section.size > HTTP_RESPONSE_HEAD_SIZE_MAX ||
        http_scan_fields(section, fields, &index, &refusal) != RESULT_OK) {
        *why = refusal.why;
        return RESULT_ERROR;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if (http_field_is_barred_from_trailers(fields->items[i].name)) {
            *why = "field that must not be in a trailer section";
            return RESULT_ERROR;
        }
    }
    if (http_read_again(section, fields, &no_body, &refusal) != RESULT_OK) {
        *why = refusal.why;
        return RESULT_ERROR;
    }
    return RESULT_OK;
}
