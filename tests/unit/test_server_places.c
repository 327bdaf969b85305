// The addresses of names in the server table, and what the monitor hands to the master.
#include "backend/server_answers.h"
#include "backend/server_places.h"

#include "config_text.h"
#include "server_tables.h"

enum { RECORDS_MAX = 8 };

#define NAMED                                                                                      \
    LISTEN SITE "backend a { server 127.0.0.1:1 {} }\n"                                            \
                "backend b { sticky = id server 127.0.0.1:1 {}\n"                                  \
                "server app.test:80 { addresses = 3 weight = 2 max-connections = 9 }\n"            \
                "server srv:_a._tcp.app.test { backup = yes addresses = 2 } }\n"

struct lab {
    struct config *config;
    struct server_names *names;
    struct server_table table;
    struct server_places places;
    struct server_name name; // app.test:80
    struct server_name other;
    char log[512];
};

static void on_changed(void *context, const struct server_name *name, const struct address *address,
                       bool came) {
    struct lab *lab = context;
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text);
    assert_non_null(name->server->host);
    size_t size = strlen(lab->log);
    (void)snprintf(lab->log + size, sizeof(lab->log) - size, "%c%s ", came ? '+' : '-', text);
}

static void open_lab(struct lab *lab, const char *text, const struct lab *former) {
    *lab = (struct lab){.config = load(text)};
    struct server_table_former before = {.config = NULL};
    if (former != NULL) {
        before = (struct server_table_former){former->config, 1, &former->table};
    }
    lab->names = former == NULL ? server_names_new() : former->names;
    assert_true(server_table_make(&lab->table, lab->config, 1, lab->names,
                                  former == NULL ? NULL : &before));
    assert_true(server_places_begin(&lab->table, lab->config,
                                    former == NULL ? NULL : &former->table, lab->names));
    lab->places = (struct server_places){
        .table = &lab->table, .names = lab->names, .changed = on_changed, .context = lab};
    assert_true(server_name_next(lab->config, &lab->name));
    lab->other = lab->name;
    (void)server_name_next(lab->config, &lab->other);
}

static void close_lab(struct lab *lab, bool with_names) {
    server_table_close(&lab->table);
    config_free(lab->config);
    if (with_names) {
        server_names_free(lab->names);
    }
}

static struct server_record record(const char *text, uint32_t rank, uint32_t share) {
    const char *why;
    struct server_record record = {.rank = rank, .share = share};
    assert_int_equal(address_parse(slice_from(text), &record.address, &why), RESULT_OK);
    return record;
}

// Addresses with a blank between two. Returns how many found no place.
static size_t set(struct lab *lab, const struct server_name *name, const char *addresses) {
    struct server_record records[RECORDS_MAX];
    char copy[256];
    size_t count = 0;
    lab->log[0] = '\0';
    (void)snprintf(copy, sizeof(copy), "%s", addresses);
    for (char *text = strtok(copy, " "); text != NULL; text = strtok(NULL, " ")) {
        records[count++] = record(text, 0, 1);
    }
    return server_places_set(&lab->places, name, records, count);
}

// What is in the places of a name: "1.1.1.1:80 -" with '-' for an absent one.
static void assert_places(const struct lab *lab, const struct server_name *name,
                          const char *expected) {
    char text[256] = "";
    for (size_t i = 0; i < config_server_places(name->server); i++) {
        const struct server_entry *entry = server_table_entry(&lab->table, name->first + i);
        char address_text[ADDRESS_TEXT_SIZE] = "-";
        struct address address;
        if (server_entry_standing(entry) != SERVER_ABSENT) {
            (void)server_entry_address(entry, &address);
            address_format(&address, address_text);
        }
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
                       address_text);
    }
    assert_string_equal(text, expected);
}

static const struct server_entry *first_of(const struct lab *lab) {
    return server_table_entry(&lab->table, lab->name.backend_first);
}

static void test_names_of_a_config(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    assert_int_equal(lab.name.backend_first, 1);
    assert_int_equal(lab.name.first, 2);
    assert_int_equal(lab.other.first, 5);
    assert_int_equal(lab.other.backend_first, 1);
    assert_string_equal(lab.other.server->host, "_a._tcp.app.test");
    struct server_name last = lab.other;
    assert_false(server_name_next(lab.config, &last));
    assert_places(&lab, &lab.name, "- - -");
    assert_int_equal(first_of(&lab)->used, 1);
    assert_int_equal(first_of(&lab)->awaited, 2);
    close_lab(&lab, true);
}

static void test_addresses_come_and_leave(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    assert_int_equal(set(&lab, &lab.name, "1.1.1.1:80 [2::2]:80"), 0);
    assert_string_equal(lab.log, "+1.1.1.1:80 +[2::2]:80 ");
    assert_places(&lab, &lab.name, "1.1.1.1:80 [2::2]:80 -");
    assert_int_equal(first_of(&lab)->used, 3);
    assert_int_equal(first_of(&lab)->awaited, 1);
    uint32_t changes = first_of(&lab)->changes;
    assert_int_equal(set(&lab, &lab.name, "[2::2]:80 1.1.1.1:80"), 0); // in another order
    assert_string_equal(lab.log, "");
    assert_int_equal(first_of(&lab)->changes, changes);
    assert_int_equal(set(&lab, &lab.name, "3.3.3.3:80 [2::2]:80"), 0);
    assert_string_equal(lab.log, "+3.3.3.3:80 -1.1.1.1:80 ");
    assert_places(&lab, &lab.name, "- [2::2]:80 3.3.3.3:80"); // what stays keeps its place
    assert_int_not_equal(first_of(&lab)->changes, changes);
    assert_int_equal(set(&lab, &lab.name, ""), 0);
    assert_places(&lab, &lab.name, "- - -");
    assert_int_equal(first_of(&lab)->used, 1);
    assert_int_equal(first_of(&lab)->awaited, 1); // it was answered
    close_lab(&lab, true);
}

static void test_an_empty_answer_is_an_answer(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    uint32_t changes = first_of(&lab)->changes;
    assert_false(server_name_is_answered(&lab.table, &lab.name));
    (void)set(&lab, &lab.name, "");
    assert_true(server_name_is_answered(&lab.table, &lab.name));
    assert_int_equal(first_of(&lab)->awaited, 1);
    assert_int_not_equal(first_of(&lab)->changes, changes); // workers look again
    close_lab(&lab, true);
}

static void test_no_more_addresses_than_places(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    assert_int_equal(set(&lab, &lab.name, "1.1.1.1:1 1.1.1.2:1 1.1.1.3:1 1.1.1.4:1 1.1.1.1:1"), 1);
    assert_places(&lab, &lab.name, "1.1.1.1:1 1.1.1.2:1 1.1.1.3:1");
    assert_places(&lab, &lab.other, "- -"); // the next name is untouched
    close_lab(&lab, true);
}

// Workers look at any time: the name always has an address.
static void assert_never_empty(void *context, const struct server_name *name,
                               const struct address *address, bool came) {
    struct lab *lab = context;
    size_t present = 0;
    (void)address;
    for (size_t i = 0; !came && i < config_server_places(name->server); i++) {
        const struct server_entry *entry = server_table_entry(&lab->table, name->first + i);
        bool is_seen = name->first + i < name->backend_first + first_of(lab)->used;
        present += is_seen && server_entry_standing(entry) != SERVER_ABSENT;
    }
    assert_true(came || present > 0);
}

static void test_who_comes_is_there_before_others_leave(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    (void)set(&lab, &lab.name, "1.1.1.1:80");
    lab.places.changed = assert_never_empty;
    (void)set(&lab, &lab.name, "1.1.1.2:80");
    assert_places(&lab, &lab.name, "- 1.1.1.2:80 -");
    (void)set(&lab, &lab.name, "1.1.1.3:80 1.1.1.4:80");
    assert_places(&lab, &lab.name, "1.1.1.3:80 - 1.1.1.4:80");
    assert_int_equal(set(&lab, &lab.name, "1.1.1.5:80 1.1.1.6:80 1.1.1.7:80"),
                     0); // no room for all
    assert_places(&lab, &lab.name, "1.1.1.6:80 1.1.1.5:80 1.1.1.7:80");
    close_lab(&lab, true);
}

static void test_an_order_stays_while_the_address_stays(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    (void)set(&lab, &lab.name, "1.1.1.1:80 1.1.1.2:80");
    server_table_order(&lab.table, lab.name.first, lab.name.server, SERVER_ORDER_DRAIN);
    server_table_order(&lab.table, lab.name.first + 2, lab.name.server,
                       SERVER_ORDER_DOWN); // absent
    const struct server_entry *entry = server_table_entry(&lab.table, lab.name.first);
    (void)set(&lab, &lab.name, "1.1.1.1:80 1.1.1.3:80");
    assert_int_equal(server_entry_standing(entry), SERVER_DRAINING);
    assert_places(&lab, &lab.name, "1.1.1.1:80 - 1.1.1.3:80");
    (void)set(&lab, &lab.name, "1.1.1.3:80");
    (void)set(&lab, &lab.name, "1.1.1.1:80 1.1.1.3:80"); // it came back
    assert_int_equal(server_entry_standing(entry), SERVER_PRIMARY);
    close_lab(&lab, true);
}

static void test_ranks_and_shares(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    struct server_record records[] = {record("1.1.1.1:80", 0, 5), record("1.1.1.2:80", 1, 1)};
    const struct server_entry *entry = server_table_entry(&lab.table, lab.name.first);
    (void)server_places_set(&lab.places, &lab.name, records, 2);
    assert_int_equal(server_entry_weight(&entry[0]), 10); // the server has weight 2
    assert_int_equal(server_entry_weight(&entry[1]), 2);
    assert_int_equal(server_entry_standing(&entry[0]), SERVER_PRIMARY);
    assert_int_equal(server_entry_standing(&entry[1]), SERVER_BACKUP);
    assert_int_equal(entry[1].rank, 1);
    assert_int_equal(entry[1].connections_max, 9);
    uint32_t changes = first_of(&lab)->changes;
    records[1].rank = 0;
    records[1].share = 3;
    (void)server_places_set(&lab.places, &lab.name, records, 2);
    assert_int_equal(server_entry_standing(&entry[1]), SERVER_PRIMARY);
    assert_int_equal(server_entry_weight(&entry[1]), 6);
    assert_int_not_equal(first_of(&lab)->changes, changes);
    (void)server_places_set(&lab.places, &lab.other, records, 1); // backup = yes
    assert_int_equal(server_entry_standing(server_table_entry(&lab.table, lab.other.first)),
                     SERVER_BACKUP);
    close_lab(&lab, true);
}

// The name for cookies is that of the address, wherever the address comes from.
static void test_names_for_cookies(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    (void)set(&lab, &lab.name, "1.1.1.1:80 127.0.0.1:1");
    uint8_t names[3][SERVER_NAME_SIZE];
    for (size_t i = 0; i < 3; i++) {
        server_entry_name(server_table_entry(&lab.table, lab.name.backend_first + i), names[i]);
    }
    assert_memory_equal(names[0], names[2], SERVER_NAME_SIZE);
    assert_memory_not_equal(names[0], names[1], SERVER_NAME_SIZE);
    assert_int_equal(server_table_entry(&lab.table, lab.name.first + 1)->address_hash,
                     first_of(&lab)->address_hash);
    close_lab(&lab, true);
}

static void test_a_place_in_use_is_taken_last(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, NAMED, NULL);
    struct server_counts *counts = server_counts_map(1);
    const struct server_counter counter = {counts, 0};
    lab.places.counts = counts;
    (void)set(&lab, &lab.name, "1.1.1.1:80");
    server_cell_add(
        server_counter_cell(&counter, server_table_entry(&lab.table, lab.name.first)->cell), 1);
    (void)set(&lab, &lab.name, "1.1.1.2:80");
    assert_places(&lab, &lab.name, "- 1.1.1.2:80 -");
    (void)set(&lab, &lab.name, "1.1.1.2:80 1.1.1.3:80 1.1.1.4:80");
    assert_places(&lab, &lab.name, "1.1.1.4:80 1.1.1.2:80 1.1.1.3:80");
    server_counts_unmap(counts);
    close_lab(&lab, true);
}

// --- Reloads ---

static void test_a_reload_keeps_the_addresses(void **state) {
    (void)state;
    struct lab lab;
    struct lab next;
    open_lab(&lab, NAMED, NULL);
    (void)set(&lab, &lab.name, "1.1.1.1:80 1.1.1.2:80 1.1.1.3:80");
    (void)set(&lab, &lab.name, "1.1.1.2:80 1.1.1.3:80");
    open_lab(&next,
             LISTEN SITE "backend b { server srv:_a._tcp.app.test { addresses = 2 }\n"
                         "server app.test:80 { addresses = 2 weight = 3 } }\n",
             &lab);
    // The first name of the file is another one now.
    assert_string_equal(next.other.server->text, "app.test:80");
    assert_places(&next, &next.other, "- 1.1.1.2:80");
    assert_true(server_name_is_answered(&next.table, &next.other));
    assert_int_equal(first_of(&next)->awaited, 1);
    const struct server_entry *entry = server_table_entry(&next.table, next.other.first + 1);
    const struct server_entry *before = server_table_entry(&lab.table, lab.name.first + 1);
    assert_int_equal(entry->cell, before->cell);
    assert_int_equal(server_entry_weight(entry), 3);
    // What it had is handed on again when the reload ends.
    struct server_record records[RECORDS_MAX];
    size_t count = server_places_get(&lab.table, &lab.name, records);
    assert_int_equal(count, 2);
    assert_int_equal(server_places_set(&next.places, &next.other, records, count), 0);
    assert_places(&next, &next.other, "1.1.1.3:80 1.1.1.2:80");
    close_lab(&next, false);
    close_lab(&lab, true);
}

// --- What the monitor writes ---

struct answers {
    struct config *config;
    struct server_answers master, monitor;
    struct server_record records[RECORDS_MAX];
    struct server_answer answer;
};

static void open_answers(struct answers *answers) {
    answers->config = load(NAMED);
    assert_true(server_answers_make(&answers->master, answers->config));
    int fd = fcntl(answers->master.part.fd, F_DUPFD_CLOEXEC, 0);
    assert_true(server_answers_open(&answers->monitor, answers->config, fd));
    assert_int_equal(answers->master.count, 2);
    answers->answer = (struct server_answer){.records = answers->records};
}

static void close_answers(struct answers *answers) {
    server_answers_close(&answers->master);
    server_answers_close(&answers->monitor);
    server_answers_close(&answers->monitor);
    config_free(answers->config);
}

static void test_answers_are_read_once(void **state) {
    (void)state;
    struct answers a;
    open_answers(&a);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(server_answers_read(&a.master, i, &a.answer), RESULT_AGAIN);
    }
    struct server_record records[] = {record("1.1.1.1:80", 0, 5), record("[2::2]:81", 1, 1),
                                      record("[::ffff:3.3.3.3]:82", 2, 2)};
    const struct server_answer sent = {
        .state = ANSWER_SILENT, .is_answered = true, .count = 3, .found = 7, .records = records};
    server_answers_write(&a.monitor, 0, &sent);
    assert_int_equal(server_answers_read(&a.master, 1, &a.answer), RESULT_AGAIN);
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_OK);
    assert_int_equal(a.answer.state, ANSWER_SILENT);
    assert_true(a.answer.is_answered);
    assert_int_equal(a.answer.found, 7);
    assert_int_equal(a.answer.count, 3);
    records[2] = record("3.3.3.3:82", 2, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_true(address_equal(&a.records[i].address, &records[i].address));
        assert_int_equal(a.records[i].rank, records[i].rank);
        assert_int_equal(a.records[i].share, records[i].share);
    }
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_AGAIN);
    close_answers(&a);
}

// A monitor that died while it was writing leaves an odd version.
static void test_answers_after_a_death_while_writing(void **state) {
    (void)state;
    struct answers a;
    open_answers(&a);
    struct server_record one = record("1.1.1.1:80", 0, 1);
    const struct server_answer sent = {
        .state = ANSWER_FOUND, .is_answered = true, .count = 1, .found = 1, .records = &one};
    uint32_t *version = (uint32_t *)(void *)(a.monitor.part.data + a.monitor.places[0].head);
    server_answers_write(&a.monitor, 0, &sent);
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_OK);
    *version += 1;
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_AGAIN);
    server_answers_write(&a.monitor, 0, &sent);
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_OK);
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_AGAIN);
    close_answers(&a);
}

static void test_addresses_that_nothing_is_sent_to(void **state) {
    (void)state;
    static const char *const bad[] = {"0.0.0.0:80",
                                      "0.1.2.3:80",
                                      "224.0.0.1:80",
                                      "255.255.255.255:80",
                                      "169.254.169.254:80",
                                      "10.0.0.1:0",
                                      "[::]:80",
                                      "[fe80::1]:80",
                                      "[febf::1]:80",
                                      "[ff02::1]:80",
                                      "[::10.0.0.1]:80",
                                      "[::ffff:0.0.0.0]:80",
                                      "[::ffff:169.254.1.1]:80"};
    static const char *const good[] = {
        "1.2.3.4:80",   "127.0.0.1:80", "10.0.0.1:65535",      "[::1]:80",
        "[fd00::1]:80", "[fec0::1]:80", "[::ffff:10.0.0.1]:80"};
    struct answers a;
    open_answers(&a);
    struct server_answer sent = {.state = ANSWER_FOUND, .is_answered = true, .count = 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]) + sizeof(good) / sizeof(good[0]); i++) {
        size_t bads = sizeof(bad) / sizeof(bad[0]);
        struct server_record one = record(i < bads ? bad[i] : good[i - bads], 0, 1);
        sent.records = &one;
        server_answers_write(&a.monitor, 0, &sent);
        assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_OK);
        assert_int_equal(a.answer.count, i < bads ? 0 : 1);
        assert_int_equal(a.answer.refused, i < bads ? 1 : 0);
    }
    close_answers(&a);
}

// Any bytes: whatever a hostile monitor writes, numbers stay in their bounds.
// Often all ones or zeros. The same ones in every run.
static uint8_t any_byte(uint32_t *random) {
    *random = *random * 1664525 + 1013904223;
    uint32_t high = *random >> 16;
    return (uint8_t)(high % 4 == 0 ? high >> 2 : high % 2 == 0 ? 0 : 0xff);
}

static void test_any_bytes(void **state) {
    (void)state;
    struct answers a;
    open_answers(&a);
    size_t read = 0;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = REGION_HEAD_SIZE; i < a.monitor.part.size; i++) {
            a.monitor.part.data[i] = any_byte(&random);
        }
        for (size_t i = 0; i < 2; i++) {
            if (server_answers_read(&a.master, i, &a.answer) == RESULT_OK) {
                read++;
                assert_true(a.answer.count + a.answer.refused <= a.master.places[i].places);
                assert_true(a.answer.state < ANSWER_STATE_COUNT);
                for (size_t k = 0; k < a.answer.count; k++) {
                    assert_true(server_address_is_usable(&a.records[k].address));
                    assert_in_range(a.records[k].share, 1, SERVER_SHARE_MAX);
                    assert_in_range(a.records[k].rank, 0, UINT16_MAX);
                }
            }
        }
    }
    assert_true(read > 100);
    close_answers(&a);
}

static void test_a_version_that_stays_odd_does_not_hold_up_the_master(void **state) {
    (void)state;
    struct answers a;
    open_answers(&a);
    a.monitor.part.data[REGION_HEAD_SIZE] = 3;
    assert_int_equal(server_answers_read(&a.master, 0, &a.answer), RESULT_AGAIN);
    close_answers(&a);
}

static void test_a_part_of_another_config_is_refused(void **state) {
    (void)state;
    struct answers a;
    open_answers(&a);
    struct config *other = load(LISTEN SITE "backend b { server app.test:1 { addresses = 9 } }\n");
    struct server_answers opened;
    int fd = fcntl(a.master.part.fd, F_DUPFD_CLOEXEC, 0);
    assert_false(server_answers_open(&opened, other, fd));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    config_free(other);
    other = load(REST);
    assert_true(server_answers_make(&opened, other)); // no names, no part
    assert_int_equal(opened.part.fd, -1);
    server_answers_close(&opened);
    config_free(other);
    close_answers(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_a_config),
        cmocka_unit_test(test_addresses_come_and_leave),
        cmocka_unit_test(test_an_empty_answer_is_an_answer),
        cmocka_unit_test(test_no_more_addresses_than_places),
        cmocka_unit_test(test_who_comes_is_there_before_others_leave),
        cmocka_unit_test(test_an_order_stays_while_the_address_stays),
        cmocka_unit_test(test_ranks_and_shares),
        cmocka_unit_test(test_names_for_cookies),
        cmocka_unit_test(test_a_place_in_use_is_taken_last),
        cmocka_unit_test(test_a_reload_keeps_the_addresses),
        cmocka_unit_test(test_answers_are_read_once),
        cmocka_unit_test(test_answers_after_a_death_while_writing),
        cmocka_unit_test(test_addresses_that_nothing_is_sent_to),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_a_version_that_stays_odd_does_not_hold_up_the_master),
        cmocka_unit_test(test_a_part_of_another_config_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
