// A connection of HTTP/2: frames of a client between acts of the owner, and a model beside it that
// keeps the books of both sides: windows, streams, what was answered. The same input is read twice,
// in whole frames and in parts: events, output and fault must be the same.
//
// Input: a byte for the size of the parts, then acts: a byte each, with what it needs.
#include "http2_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// --- the client ---

// What the target of the connection may be beyond the default window.
enum { TARGET_STEP = 1000, TARGET_MAX = 255 * TARGET_STEP };

static void give(struct world *world, const uint8_t *bytes, size_t size) {
    // Long frames of DATA are cut less finely, for the time it takes.
    size_t most = size < 1000 || world->part == SIZE_MAX ? world->part : 32 * world->part;
    for (size_t at = 0; at < size && !world->failed;) {
        size_t part = size - at < most ? size - at : most;
        size_t used;
        uint8_t *copy = malloc(part);
        CHECK(copy != NULL);
        memcpy(copy, bytes + at, part);
        enum result result = http2_receive(&world->connection, copy, part, &used, world->now_ms);
        free(copy);
        at += used;
        CHECK(result != RESULT_OK || used == part);
        CHECK((result == RESULT_ERROR) == world->connection.failed);
        CHECK(world->connection.output_size <= HTTP2_OUTPUT_SIZE);
        world->failed = result == RESULT_ERROR;
        if (result == RESULT_AGAIN) {
            take_output(world);
        }
    }
}

static void book_setting(struct world *world, uint16_t id, uint32_t value) {
    if (id == SETTING_INITIAL_WINDOW_SIZE) {
        for (size_t i = 0; i < STREAMS_MAX; i++) {
            world->streams[i].may_receive += (int64_t)value - world->window;
        }
        world->window = value;
    }
    if (id == SETTING_MAX_FRAME_SIZE) {
        world->largest_frame = value;
    }
}

static void book_settings(struct world *world, const struct frame_header *header,
                          const uint8_t *payload) {
    if ((header->flags & FRAME_ACK) != 0) {
        return;
    }
    world->settings++;
    for (uint32_t at = 0; at + FRAME_PARAMETER_SIZE <= header->length; at += FRAME_PARAMETER_SIZE) {
        struct frame_parameter parameter;
        frame_read_parameter(payload + at, &parameter);
        book_setting(world, parameter.id, parameter.value);
    }
}

// Keeps the client's books of a frame that goes out whole.
static void book(struct world *world, const struct frame_header *header, const uint8_t *payload) {
    struct model_stream *model = model_of(world, header->stream);
    switch (header->type) {
    case FRAME_DATA:
        world->may_send -= header->length;
        model->may_send -= header->length;
        model->sent += header->length;
        break;
    case FRAME_PING:
        world->pings += (header->flags & FRAME_ACK) == 0 && header->length == 8;
        break;
    case FRAME_SETTINGS:
        book_settings(world, header, payload);
        break;
    case FRAME_WINDOW_UPDATE:
        if (header->length == 4) {
            int64_t *window = header->stream == 0 ? &world->may_receive : &model->may_receive;
            *window += frame_read_31(payload);
        }
        break;
    default:
        break;
    }
}

struct input {
    const uint8_t *at, *end;
};

static uint8_t next_byte(struct input *input) {
    return input->at < input->end ? *input->at++ : 0;
}

static const struct slice blocks[] = {
    {"\x82\x87\x84\x01\x01"
     "a",
     6}, // GET
    {"\x83\x87\x84\x41\x01"
     "a"
     "\x40\x01x\x01y",
     11},
    {"\xbe\xbf", 2},
    {"\x00\x01x\x01y", 5},
    {"\x82\x87\x84\x41\x01"
     "a"
     "\x00\x08priority\x06u=0, i",
     23},
    {"\x80", 1},
    {"\x00\x01X\x01y", 5},
    {"", 0},
};

static size_t fill_payload(struct input *input, uint8_t type, uint8_t *payload) {
    size_t size = next_byte(input);
    if ((type == FRAME_HEADERS || type == FRAME_CONTINUATION) && size < 128) {
        const struct slice *block = &blocks[size % (sizeof blocks / sizeof blocks[0])];
        if (block->size > 0) {
            memcpy(payload, block->data, block->size);
        }
        return block->size;
    }
    if (type == FRAME_DATA && size >= 128) { // long ones need no input
        size = (size - 127) * 128;
        memset(payload, next_byte(input) % 4, size);
        return size;
    }
    for (size_t i = 0; i < size; i++) {
        payload[i] = next_byte(input);
    }
    return size;
}

static const uint8_t usual_sizes[] = {0, 0, 5, 4, 0, 0, 8, 8, 4};

static void send_frame(struct world *world, struct input *input) {
    static uint8_t bytes[FRAME_HEADER_SIZE + 20000];
    uint8_t choice = next_byte(input);
    struct frame_header header = {.type = choice % 11, .flags = next_byte(input)};
    header.type = header.type == 10 ? FRAME_PRIORITY_UPDATE : header.type;
    header.stream = next_byte(input) % (2 * STREAMS_MAX);
    size_t size;
    if (choice < 128 && header.type < sizeof usual_sizes && usual_sizes[header.type] > 0) {
        for (size = 0; size < usual_sizes[header.type]; size++) {
            bytes[FRAME_HEADER_SIZE + size] = next_byte(input);
        }
    } else {
        size = fill_payload(input, header.type, bytes + FRAME_HEADER_SIZE);
    }
    header.length = (uint32_t)size;
    frame_write_header(bytes, &header);
    book(world, &header, bytes + FRAME_HEADER_SIZE);
    give(world, bytes, FRAME_HEADER_SIZE + size);
}

static void send_settings(struct world *world, struct input *input) {
    static const uint16_t ids[] = {1, 2, 3, 4, 5, 6, 8, 9};
    uint8_t bytes[FRAME_HEADER_SIZE + 6];
    struct frame_header header = {6, 0, FRAME_SETTINGS, 0};
    uint16_t id = ids[next_byte(input) % 8];
    uint32_t value = next_byte(input);
    value = id == SETTING_MAX_FRAME_SIZE ? 16384 + value : value << (next_byte(input) % 24);
    frame_write_header(bytes, &header);
    bytes[9] = 0;
    bytes[10] = (uint8_t)id;
    for (unsigned i = 0; i < 4; i++) {
        bytes[11 + i] = (uint8_t)(value >> (24 - 8 * i));
    }
    book_settings(world, &header, bytes + FRAME_HEADER_SIZE);
    give(world, bytes, sizeof bytes);
}

// --- acts of the owner ---

static struct model_stream *choose(struct world *world, struct input *input) {
    uint8_t choice = next_byte(input);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct model_stream *model = &world->streams[(choice + i) % STREAMS_MAX];
        if (model->stream != NULL) {
            return model;
        }
    }
    return NULL;
}

static void end_answer(struct model_stream *model) {
    model->answered = true;
    if (model->ended) {
        model->stream = NULL;
    }
}

static void send_data(struct world *world, struct input *input) {
    struct http2_stream *stream = http2_next(&world->connection);
    uint8_t choice = next_byte(input), bytes[FRAME_HEADER_SIZE];
    if (stream == NULL) {
        return;
    }
    struct model_stream *model = stream->owner;
    CHECK(model->stream == stream && !model->answered && !model->reset);
    uint32_t room = http2_room(&world->connection, stream);
    CHECK(room > 0 || stream->wants == HTTP2_WANTS_FRAME);
    CHECK(room <= world->largest_frame);
    uint32_t size = stream->wants == HTTP2_WANTS_FRAME ? 0 : choice % 2 == 0 ? room : room / 2;
    bool end = choice % 8 == 7;
    model->may_receive -= size;
    world->may_receive -= size;
    CHECK(size == 0 || (model->may_receive >= 0 && world->may_receive >= 0));
    note(world, "d%u:%u ", stream->id, size);
    http2_send_data(&world->connection, stream, size, end, bytes);
    struct frame_header header;
    frame_read_header(bytes, &header);
    CHECK(header.length == size && header.type == FRAME_DATA);
    if (end) {
        end_answer(model);
    }
}

static void send_headers(struct world *world, struct input *input) {
    struct model_stream *model = choose(world, input);
    uint8_t choice = next_byte(input), bytes[256];
    static const struct hpack_field fields[] = {{{":status", 7}, {"200", 3}, false},
                                                {{"x", 1}, {"some value", 10}, false},
                                                {{"set-cookie", 10}, {"a", 1}, true}};
    size_t size;
    if (model == NULL || model->answered) {
        return;
    }
    bool end = choice % 4 == 3;
    take_output(world);
    uint32_t id = model->stream->id;
    enum result result =
        http2_send_headers(&world->connection, model->stream, fields, 1 + choice % 3, end, bytes,
                           choice < 64 ? choice : sizeof bytes, &size);
    CHECK(result != RESULT_ERROR);
    if (result == RESULT_OK) {
        struct frame_header header;
        frame_read_header(bytes, &header);
        CHECK(header.stream == id && header.length + FRAME_HEADER_SIZE == size);
        note(world, "h%u:%zu ", id, size);
        if (end) {
            end_answer(model);
        }
    }
}

static void change(struct world *world, struct input *input) {
    static const struct slice priorities[] = {{"u=0", 3}, {"u=7, i", 6}, {"i=?0", 4}, {"u=,", 3}};
    struct model_stream *model = choose(world, input);
    uint8_t choice = next_byte(input);
    if (model == NULL) {
        return;
    }
    struct http2_stream *stream = model->stream;
    switch (choice % 8) {
    case 0:
    case 1:
    case 2:
        if (!model->answered) {
            http2_want(&world->connection, stream, choice % 8);
        }
        break;
    case 3:
        http2_taken(&world->connection, stream, stream->held / (1 + choice / 128));
        break;
    case 4:
        http2_set_target(&world->connection, stream, 1 + (uint32_t)choice * 1000);
        break;
    case 5:
        http2_set_target(&world->connection, NULL, 65535 + (uint32_t)choice * TARGET_STEP);
        break;
    case 6:
        http2_prioritize(&world->connection, stream, priorities[choice / 8 % 4]);
        break;
    default:
        note(world, "r%u ", stream->id);
        http2_reset(&world->connection, stream, choice / 8 % 14);
        model->reset = true;
        model->stream = NULL;
        world->failed = world->connection.failed;
        break;
    }
}

static void pass_time(struct world *world, struct input *input) {
    world->now_ms += (int64_t)next_byte(input) << 4;
    int64_t deadline = http2_deadline(&world->connection);
    enum result result = http2_tick(&world->connection, world->now_ms);
    CHECK(result == RESULT_OK || deadline <= world->now_ms);
    world->failed |= result == RESULT_ERROR;
    CHECK(world->failed || http2_deadline(&world->connection) > world->now_ms);
}

static void act(struct world *world, struct input *input) {
    uint8_t kind = next_byte(input);
    switch (kind % 16) {
    case 0:
        send_settings(world, input);
        break;
    case 1:
        send_data(world, input);
        break;
    case 2:
        send_headers(world, input);
        break;
    case 3:
        change(world, input);
        break;
    case 4:
        pass_time(world, input);
        break;
    case 5:
        http2_rest(&world->connection);
        break;
    case 6:
        if (kind >= 0xf0) {
            http2_shutdown(&world->connection, world->now_ms);
        }
        break;
    case 7:
        world->takes = !world->takes;
        break;
    default:
        send_frame(world, input);
        break;
    }
    take_output(world);
}

// --- the whole ---

static void begin(struct world *world, size_t part) {
    char *log = world->log;
    memset(world, 0, sizeof *world);
    world->log = log;
    world->limits = (struct http2_limits){.streams = 8,
                                          .header_list_size = 200,
                                          .header_block_size = 100,
                                          .continuations = 3,
                                          .stream_window = 20000,
                                          .connection_window = 70000,
                                          .held_max = 70000 + 5000,
                                          .overhead = 1 << 20,
                                          .settings_ms = 10000,
                                          .header_ms = 5000,
                                          .linger_ms = 200,
                                          .shutdown_ms = 1000,
                                          .budgets = HTTP2_DEFAULT_BUDGETS};
    world->fields = (struct http_fields){world->items, 0, FIELDS_MAX};
    world->part = part;
    world->window = world->may_receive = world->may_send = 65535;
    world->largest_frame = 16384;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        world->streams[i].may_receive = 65535;
        world->streams[i].may_send = 20000;
    }
    http2_shared_init(&world->shared, &events, &world->fields, world->text, TEXT_SIZE);
    http2_init(&world->connection, &world->shared, &world->limits, world, 0);
    take_output(world);
    give(world, (const uint8_t *)FRAME_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0", 24 + 18);
    world->settings++;
    take_output(world);
}

// The books agree: nothing is lost between the client's count and ours.
static void check_books(const struct world *world) {
    int64_t held = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        const struct model_stream *model = &world->streams[i];
        if (model->stream != NULL) {
            CHECK(model->stream->owner == model && !model->reset);
            CHECK(model->stream->send_window == model->may_receive);
            CHECK(model->stream->receive_window == model->may_send);
            held += model->stream->held;
            count++;
        }
    }
    CHECK(world->connection.held == held);
    CHECK(held + world->connection.receive_window <= world->limits.held_max + TARGET_MAX);
    CHECK(world->connection.stream_count == count);
    CHECK(world->connection.receive_window == world->may_send);
    CHECK(world->connection.send_window == world->may_receive);
    CHECK(world->pings == world->pongs && world->settings == world->acks);
}

static void run(struct world *world, size_t part, struct input input) {
    begin(world, part);
    while (input.at < input.end && !world->failed) {
        act(world, &input);
        // A frame whose length is not known to the client's books ends them.
        if (!world->failed && world->connection.reader.have == 0) {
            check_books(world);
        }
    }
    take_output(world);
    CHECK(!world->failed || (world->connection.fault.why != NULL && world->goaways > 0));
    if (world->failed) {
        note(world, "%s", world->connection.fault.why);
    }
    http2_free(&world->connection);
    CHECK(world->shared.memory.used == 0 && world->connection.stream_count == 0);
    slab_free(&world->shared.streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char logs[2][LOG_SIZE];
    static struct world whole = {.log = logs[0]}, parts = {.log = logs[1]};
    if (size == 0) {
        return 0;
    }
    const struct input input = {data + 1, data + size};
    run(&whole, SIZE_MAX, input);
    run(&parts, 1 + data[0] % 40, input);
    if (whole.log_size != parts.log_size || memcmp(whole.log, parts.log, whole.log_size) != 0) {
        fprintf(stderr, "%.*s\n%.*s\n", (int)whole.log_size, whole.log, (int)parts.log_size,
                parts.log);
    }
    CHECK(whole.log_size == parts.log_size);
    CHECK(memcmp(whole.log, parts.log, whole.log_size) == 0);
    return 0;
}
