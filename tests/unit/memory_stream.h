// A stream made of memory (exchange/stream.h): the client's side of an exchange in tests. It checks
// how an exchange uses it, overwrites what it may overwrite, and poisons what it is given back.
//
// What the client gets is recorded as text: heads as "{200 length}", "{103}", data as it is, ends
// as "{end}" or "{end Name=value}", answers as "{answer 502}".
#ifndef RAVELIN_TESTS_MEMORY_STREAM_H
#define RAVELIN_TESTS_MEMORY_STREAM_H

#include "exchange/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_TEXT_MAX = 1 << 20, PIECES_MAX = 4096, SLOT_ROOM = 16320, SLOT_BEFORE = 32 };
enum { OVERWRITTEN = 0xee, POISON = 0xa5, ANSWER_BODY_SIZE = 77 };

// How the sides behave; all zero: each takes and gives everything at once.
struct faults {
    size_t arrive;         // bytes of the request body that come at once
    size_t run;            // bytes of a run
    bool late_end;         // the end of the body comes by itself
    size_t client_takes;   // bytes at once
    uint32_t flush_again;  // the number of the flush() that sends nothing
    uint32_t flush_breaks; // the number of the flush() that finds the connection broken
    bool head_again;       // head() returns RESULT_AGAIN
    uint32_t fits_not;     // every so many calls of fits() it is 0
    size_t fits_part;      // no more than so many bytes fit
    size_t part;           // capacity of a part of the room
    uint32_t no_room;      // the number of the room() that finds no memory
    uint32_t head_fails, end_fails, data_fails, answer_fails;
    size_t server_gives; // bytes at once
    size_t server_takes;
    uint32_t interrupts; // every so many system calls are interrupted
    uint32_t steps;      // of a turn
    bool alone;          // one event a turn
    uint32_t first_event;
    bool no_trailer_text; // trailers are not recorded
};

struct output_piece {
    const uint8_t *data;
    size_t size;
    char text[120]; // of a head or an end; "": `data` lies in the room
};

struct memory_stream {
    struct stream stream;
    struct client client;
    struct list_node kept;
    uint32_t steps_left;
    const struct faults *faults;
    // request
    const char *body;
    size_t body_size;
    size_t come, taken;
    bool waits_for_100; // sends no body before
    bool stays_open;    // its request is never whole
    bool never_takes;   // nothing after a flush() that sent nothing
    bool end_came, client_ended, malformed, stopped, drops, whole_given;
    const struct http_fields *trailers;
    const char *tunnel; // what the client sends in a tunnel
    uint8_t *lent;
    size_t lent_size;
    // response
    struct room room;
    uint8_t *slots[ROOM_PARTS]; // NULL: not lent
    size_t slot_size[ROOM_PARTS];
    const uint8_t *named_end[ROOM_PARTS]; // since the last flush; NULL: none
    const uint8_t *fit;
    size_t fit_size;
    bool fit_is_part; // more of the same data follows it
    struct output_piece *pieces;
    size_t first_piece, piece_count;
    bool must_flush, started, over, finished, client_ready;
    uint32_t flushes, fits_calls, rooms, heads, ends, datas, wakes;
    uint64_t others_moved;
    char *record;
    size_t record_size;
    char answered[256]; // fields, type and page of an answer
};

// Memory of the test itself: no_memory.h leaves it alone, if that is included before.
static inline void *bench_malloc(size_t size) {
#ifdef RAVELIN_TESTS_NO_MEMORY_H
    no_memory.paused = true;
#endif
    void *block = malloc(size);
#ifdef RAVELIN_TESTS_NO_MEMORY_H
    no_memory.paused = false;
#endif
    assert_non_null(block);
    return block;
}

static inline struct memory_stream *memory_of(const struct stream *stream) {
    struct memory_stream *memory = (struct memory_stream *)((char *)(uintptr_t)stream -
                                                            offsetof(struct memory_stream, stream));
    assert_false(memory->finished);
    return memory;
}

// --- what it tells ---

static inline void memory_wake(struct stream *stream) {
    memory_of(stream)->wakes++;
}

static inline struct address memory_local(const struct stream *stream) {
    struct address address;
    const char *why;
    (void)memory_of(stream);
    assert_int_equal(address_parse(SLICE("127.0.0.1:8443"), &address, &why), RESULT_OK);
    return address;
}

static inline uint64_t memory_moved(const struct stream *stream) {
    return stream->sent + memory_of(stream)->others_moved;
}

// --- the request ---

static inline void memory_poison(struct memory_stream *memory) {
    if (memory->lent != NULL) {
        memset(memory->lent, POISON, memory->lent_size);
        free(memory->lent);
        memory->lent = NULL;
    }
}

static inline enum result memory_body(struct stream *stream, struct stream_body *body) {
    struct memory_stream *memory = memory_of(stream);
    const struct faults *faults = memory->faults;
    assert_true(!memory->stopped && memory->lent == NULL && !memory->whole_given);
    *body = (struct stream_body){0};
    if (memory->malformed && memory->come == memory->body_size) {
        body->why = "the body is malformed in memory";
        return RESULT_ERROR;
    }
    size_t size = memory->come - memory->taken;
    size_t run = faults->run == 0 ? size : faults->run;
    size = run > 0 && size / run > STREAM_RUNS_MAX ? run * STREAM_RUNS_MAX : size;
    if (size > 0) {
        memory->lent = bench_malloc(size);
        memcpy(memory->lent, memory->body + memory->taken, size);
        memory->lent_size = size;
    }
    for (size_t at = 0; at < size && body->count < STREAM_RUNS_MAX; at += run) {
        size_t part = size - at < run ? size - at : run;
        body->runs[body->count++] = (struct iovec){memory->lent + at, part};
        memory->taken += part;
    }
    body->whole = memory->taken == memory->body_size && memory->end_came && !memory->client_ended &&
                  !memory->stays_open;
    body->trailers = body->whole ? memory->trailers : NULL;
    memory->whole_given = body->whole;
    if (size > 0 || body->whole) {
        return RESULT_OK;
    }
    return memory->client_ended && memory->come == memory->body_size ? RESULT_EOF : RESULT_AGAIN;
}

static inline void memory_taken(struct stream *stream) {
    memory_poison(memory_of(stream));
}

static inline void memory_stop(struct stream *stream, bool drop) {
    struct memory_stream *memory = memory_of(stream);
    memory_poison(memory);
    memory->drops = memory->stopped ? memory->drops : drop;
    memory->stopped = true;
}

// --- the room ---

// Unless something in it is unread. Whoever looks into it afterwards finds an unread byte.
static inline void memory_take_room_back(struct memory_stream *memory) {
    if (memory->slots[0] == NULL || room_unread(&memory->room) > 0) {
        return;
    }
    for (size_t i = 0; i < ROOM_PARTS; i++) {
        memset(memory->slots[i], POISON, memory->slot_size[i]);
        free(memory->slots[i]);
        memory->slots[i] = NULL;
        memory->room.parts[i] = (struct room_part){NULL, 1, 0, 1};
    }
}

static inline struct room *memory_room(struct stream *stream, size_t lead) {
    struct memory_stream *memory = memory_of(stream);
    size_t size = memory->faults->part == 0 ? SLOT_ROOM : memory->faults->part;
    assert_false(memory->over);
    assert_int_equal(memory->first_piece, memory->piece_count); // or it would be overwritten
    assert_true(memory->slots[0] == NULL || room_unread(&memory->room) == 0);
    if (++memory->rooms == memory->faults->no_room) {
        return NULL;
    }
    memory_take_room_back(memory);
    for (size_t i = 0; i < ROOM_PARTS; i++) {
        size_t before = i == 0 ? lead : 0;
        memory->slot_size[i] = SLOT_BEFORE + before + size + ROOM_TAIL;
        memory->slots[i] = bench_malloc(memory->slot_size[i]);
        memset(memory->slots[i], POISON, memory->slot_size[i]);
        memory->room.parts[i] =
            (struct room_part){memory->slots[i] + SLOT_BEFORE, (uint32_t)(before + size),
                               (uint32_t)before, (uint32_t)before};
        memory->named_end[i] = NULL;
    }
    return &memory->room;
}

// --- the response ---

static inline void memory_add(struct memory_stream *memory, struct output_piece piece) {
    assert_true(memory->piece_count < PIECES_MAX);
    memory->pieces[memory->piece_count++] = piece;
}

static inline enum result memory_head(struct stream *stream, const struct stream_head *head) {
    static const char *const framings[] = {"none", "length", "chunked", "close", "tunnel"};
    struct memory_stream *memory = memory_of(stream);
    const struct http_response *response = head->response;
    assert_true(!memory->must_flush && !memory->over && !memory->started);
    assert_non_null(memory->slots[0]);
    assert_true(head->in_room || room_part_unread(&memory->room.parts[0]) == 0);
    if (++memory->heads == memory->faults->head_fails) {
        return RESULT_ERROR;
    }
    struct output_piece piece = {.size = 0};
    if (response->interim) {
        (void)snprintf(piece.text, sizeof(piece.text), "{%u}", response->status);
    } else {
        (void)snprintf(piece.text, sizeof(piece.text), "{%u %s%s}", response->status,
                       framings[response->framing], head->request_is_cut ? " cut" : "");
        memory->started = true;
    }
    memory_add(memory, piece);
    if (response->framing == FRAMING_TUNNEL && !response->interim) {
        memory->body = memory->tunnel == NULL ? "" : memory->tunnel;
        memory->body_size = strlen(memory->body);
        memory->come = memory->taken = 0;
        memory->whole_given = memory->end_came = false;
    }
    memory->must_flush = memory->faults->head_again;
    stream->unsent = stream->unsent || memory->must_flush;
    return memory->must_flush ? RESULT_AGAIN : RESULT_OK;
}

static inline size_t memory_fits(struct stream *stream, uint32_t part, const uint8_t *data,
                                 size_t size) {
    struct memory_stream *memory = memory_of(stream);
    uint32_t every = memory->faults->fits_not;
    assert_true(part < ROOM_PARTS && memory->slots[part] != NULL && !memory->must_flush);
    bool fits = every == 0 || ++memory->fits_calls % every != 0 ||
                memory->first_piece == memory->piece_count;
    size_t most = memory->faults->fits_part;
    memory->fit = fits ? data : NULL;
    memory->fit_size = most == 0 || size < most ? size : most;
    memory->fit_is_part = memory->fit_size < size;
    return fits ? memory->fit_size : 0;
}

static inline enum result memory_data(struct stream *stream, uint32_t index, uint8_t *data,
                                      size_t size) {
    struct memory_stream *memory = memory_of(stream);
    struct room_part *part = &memory->room.parts[index];
    assert_true(memory->started && !memory->must_flush && !memory->over);
    assert_true(size > 0 && size <= memory->fit_size && data == memory->fit);
    assert_true(data >= part->data && data + size <= part->data + part->end);
    size_t tail = memory->fit_is_part ? 0 : ROOM_TAIL;
    assert_true(room_part_unread(part) == 0 || part->data + part->begin >= data + size + tail);
    if (++memory->datas == memory->faults->data_fails) {
        return RESULT_ERROR;
    }
    const uint8_t *from = memory->named_end[index];
    from = from == NULL ? memory->slots[index] : from;
    assert_true(from <= data);
    memset(data - (data - from), OVERWRITTEN, (size_t)(data - from));
    memset(data + size, OVERWRITTEN, tail);
    memory->named_end[index] = data + size;
    memory_add(memory, (struct output_piece){.data = data, .size = size});
    return RESULT_OK;
}

static inline enum result memory_end(struct stream *stream, const struct http_fields *trailers) {
    struct memory_stream *memory = memory_of(stream);
    assert_true(memory->started && !memory->must_flush && !memory->over);
    if (++memory->ends == memory->faults->end_fails) {
        return RESULT_ERROR;
    }
    struct output_piece piece = {.size = 0};
    int size = snprintf(piece.text, sizeof(piece.text), "{end");
    size_t count = trailers == NULL || memory->faults->no_trailer_text ? 0 : trailers->count;
    for (size_t i = 0; i < count; i++) {
        const struct http_field *field = &trailers->items[i];
        size += snprintf(piece.text + size, sizeof(piece.text) - (size_t)size, " %.*s=%.*s",
                         (int)field->name.size, field->name.data, (int)field->value.size,
                         field->value.data);
    }
    (void)snprintf(piece.text + size, sizeof(piece.text) - (size_t)size, "}");
    memory_add(memory, piece);
    memory->over = true;
    return RESULT_OK;
}

static inline enum result memory_answer(struct stream *stream, uint16_t status, struct slice fields,
                                        const struct http_page *page, uint64_t *body_size) {
    struct memory_stream *memory = memory_of(stream);
    assert_true(!memory->over && !stream->unsent);
    for (size_t i = 0; i + 1 < memory->record_size; i++) { // nothing but interim heads was sent
        assert_true(memory->record[i] != '{' || memory->record[i + 1] == '1');
    }
    (void)snprintf(memory->answered, sizeof(memory->answered), "%.*s|%.*s|%.*s", (int)fields.size,
                   fields.data, page == NULL ? 0 : (int)page->type.size,
                   page == NULL ? "" : page->type.data, page == NULL ? 0 : (int)page->body.size,
                   page == NULL ? "" : page->body.data);
    if (memory->faults->answer_fails > 0) {
        return RESULT_ERROR;
    }
    struct output_piece piece = {.size = 0};
    (void)snprintf(piece.text, sizeof(piece.text), "{answer %u}", status);
    room_clear(&memory->room);
    memory->piece_count = memory->first_piece; // what was never sent
    memory_add(memory, piece);
    memory->over = memory->started = true;
    stream->unsent = true;
    *body_size = ANSWER_BODY_SIZE;
    return RESULT_OK;
}

// Sends up to `most` bytes of a piece; heads go at once.
static inline size_t memory_send(struct memory_stream *memory, struct output_piece *piece,
                                 size_t most) {
    size_t size = piece->data == NULL ? strlen(piece->text) : piece->size;
    size = piece->data != NULL && size > most ? most : size;
    assert_true(memory->record_size + size < RECORD_TEXT_MAX);
    memcpy(memory->record + memory->record_size,
           piece->data == NULL ? (const uint8_t *)piece->text : piece->data, size);
    memory->record_size += size;
    memory->record[memory->record_size] = '\0';
    memory->stream.sent += size;
    if (piece->data == NULL || size == piece->size) {
        memory->first_piece++;
    } else {
        piece->data += size;
        piece->size -= size;
    }
    return size;
}

static inline enum result memory_flush(struct stream *stream) {
    struct memory_stream *memory = memory_of(stream);
    const struct faults *faults = memory->faults;
    size_t left = faults->client_takes == 0 ? SIZE_MAX : faults->client_takes;
    memory->flushes++;
    if (memory->flushes == faults->flush_breaks) {
        return RESULT_ERROR;
    }
    if (memory->flushes == faults->flush_again) {
        memory->client_ready = false;
    }
    while (memory->client_ready && memory->first_piece < memory->piece_count) {
        size_t sent = memory_send(memory, &memory->pieces[memory->first_piece], left);
        left -= sent < left ? sent : left;
        memory->client_ready = left > 0 || memory->first_piece == memory->piece_count;
    }
    stream->unsent = !memory->client_ready || memory->first_piece < memory->piece_count;
    if (stream->unsent) {
        return RESULT_AGAIN;
    }
    memory->must_flush = false;
    memory->first_piece = memory->piece_count = 0;
    memset(memory->named_end, 0, sizeof(memory->named_end));
    return RESULT_OK;
}

static const struct stream_verbs memory_verbs = {
    .wake = memory_wake,
    .local_address = memory_local,
    .moved = memory_moved,
    .body = memory_body,
    .taken = memory_taken,
    .stop = memory_stop,
    .room = memory_room,
    .head = memory_head,
    .fits = memory_fits,
    .data = memory_data,
    .end = memory_end,
    .answer = memory_answer,
    .flush = memory_flush,
};

// --- for the bench ---

static inline void memory_stream_init(struct memory_stream *memory, const struct faults *faults) {
    struct output_piece *pieces = memory->pieces;
    char *record = memory->record;
    *memory = (struct memory_stream){.faults = faults, .client_ready = true};
    memory->pieces = pieces == NULL ? bench_malloc(PIECES_MAX * sizeof(*pieces)) : pieces;
    memory->record = record == NULL ? bench_malloc(RECORD_TEXT_MAX) : record;
    memory->record[0] = '\0';
    list_init(&memory->kept);
    memory->client.address.v4.sin_family = AF_INET;
    strcpy(memory->client.text, "192.0.2.1");
    memory->client.text_size = 9;
    memory->stream = (struct stream){
        .verbs = &memory_verbs,
        .client = &memory->client,
        .kept = &memory->kept,
        .steps_left = &memory->steps_left,
        .target_size = 8192,
        .keep_alive = true,
    };
}

// After the exchange: nothing may be asked any more, and all memory goes back.
static inline void memory_stream_finish(struct memory_stream *memory) {
    memory->finished = true;
    memory_poison(memory);
    if (memory->slots[0] != NULL) {
        room_clear(&memory->room);
        memory_take_room_back(memory);
    }
}

// More of the request comes. False: there is no more.
static inline bool memory_client_sends(struct memory_stream *memory) {
    size_t left = memory->body_size - memory->come;
    size_t arrive = memory->faults->arrive;
    if (memory->stopped || (left == 0 && memory->end_came) ||
        (memory->waits_for_100 && strstr(memory->record, "{100}") == NULL)) {
        return false;
    }
    memory->come += arrive == 0 || left < arrive ? left : arrive;
    memory->end_came =
        memory->come == memory->body_size && (left == 0 || !memory->faults->late_end);
    return true;
}

// The client takes more. False: nothing is to be sent.
static inline bool memory_client_takes(struct memory_stream *memory) {
    if (memory->never_takes ||
        (memory->client_ready && memory->first_piece == memory->piece_count)) {
        return false;
    }
    memory->client_ready = true;
    return true;
}

#endif
