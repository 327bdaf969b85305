// The phases of a reload, with children that are no processes (children_lab.h) and a reader and a
// validator that say what the test wants.
#include "process/reload.h"

#include "children_lab.h"
#include "process/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct reload reload;
static struct source staged;

static struct {
    int pipe[2]; // readable: the reader and the validator have something to say
    bool same;
    enum result read, valid, opened;
    unsigned reads, frees, keeps;
} world;

static struct {
    unsigned began, read, committed, ended;
    struct reload_end end;
    char text[256];
} told;

// --- What stands in for the world ---

void reading_init(struct reading *reading) {
    *reading = (struct reading){.child = {.fd = -1}, .files_fd = -1, .keys_fd = -1, .users_fd = -1};
}

enum result reading_start(struct reading *reading, const struct reading_input *input) {
    assert_string_equal(input->path, "r.conf");
    assert_true(input->former == NULL || input->former == lab.children.current);
    world.reads++;
    reading->child.fd = world.pipe[0];
    return RESULT_OK;
}

enum result reading_receive(struct reading *reading) {
    reading->same = world.same;
    (void)snprintf(reading->child.text, sizeof(reading->child.text), "r.conf:1: wrong");
    return world.read;
}

void reading_cancel(struct reading *reading) {
    reading_init(reading);
}

struct source *reading_take(struct reading *reading, const char *path, uint64_t number,
                            char error[CONFIG_ERROR_SIZE]) {
    (void)reading, (void)path, (void)error;
    staged = (struct source){.number = number, .config = &lab.config};
    return &staged;
}

enum result validate_start(struct validation *validation, const struct validate_input *input) {
    assert_ptr_equal(input->source, &staged);
    validation->fd = world.pipe[0];
    return RESULT_OK;
}

enum result validate_read(struct validation *validation) {
    (void)snprintf(validation->text, sizeof(validation->text), "bad key");
    return world.valid;
}

void validate_note_death(struct validation *validation, pid_t pid, int status) {
    (void)validation, (void)pid, (void)status;
}

void validate_cancel(struct validation *validation) {
    validation->fd = -1;
}

enum result source_settle(struct source *source, char error[CONFIG_ERROR_SIZE]) {
    (void)source, (void)error;
    return RESULT_OK;
}

enum result source_open(struct source *source, const struct shares *shares,
                        const struct source *previous, const struct source_helpers *helpers,
                        char error[CONFIG_ERROR_SIZE]) {
    (void)helpers;
    assert_ptr_equal(source, &staged);
    assert_ptr_equal(shares, &lab.children.shares);
    assert_ptr_equal(previous, lab.children.current);
    (void)snprintf(error, CONFIG_ERROR_SIZE, "cannot bind");
    return world.opened;
}

void servers_keep_orders(const struct source *next, const struct source *former, struct log *log) {
    assert_ptr_equal(next, &staged);
    assert_ptr_equal(former, lab.children.current);
    assert_ptr_equal(log, lab.children.log);
    world.keeps++;
}

void source_free(struct source *source, const struct source *remaining) {
    assert_true(source == NULL || remaining == lab.children.current);
    world.frees += source != NULL;
}

bool privilege_is_same(const struct config *a, const struct config *b) {
    (void)a, (void)b;
    return true;
}

// --- Who is told ---

static void ignore(void *context) {
    (void)context;
}

static void ignore_text(void *context, const char *text) {
    (void)context, (void)text;
}

static void on_ready(void *context, struct child *child, uint64_t generation) {
    reload_child_ready(context, child, generation);
}

static void on_committed(void *context, struct child *child, uint64_t generation) {
    reload_child_committed(context, child, generation);
}

static void on_failed(void *context, struct child *child, uint64_t generation, const char *why) {
    reload_child_failed(context, child, generation, why);
}

static void on_died(void *context, struct child *child, const char *how) {
    (void)child;
    reload_child_died(context, how);
}

static bool may_replace(void *context) {
    return !reload_concerns_children(context);
}

static void on_began(void *context) {
    (void)context;
    assert_int_equal(reload.phase, RELOAD_IDLE); // it is told before the files are read
    told.began++;
}

static void on_read(void *context) {
    (void)context;
    told.read++;
}

static void on_new_generation(void *context, struct source *source) {
    (void)context;
    assert_ptr_equal(source, &staged);
    assert_int_equal(told.ended, 0);
    told.committed++;
    lab.children.current = source;
}

static void on_ended(void *context, const struct reload_end *end) {
    (void)context;
    assert_int_equal(reload.phase, RELOAD_IDLE);
    told.ended++;
    told.end = *end;
    (void)snprintf(told.text, sizeof(told.text), "%s", end->text);
}

static int set_up(void **state) {
    static const struct children_handler handler = {
        .started = ignore,
        .cannot_start = ignore_text,
        .ready = on_ready,
        .committed = on_committed,
        .failed = on_failed,
        .died = on_died,
        .may_replace = may_replace,
        .context = &reload,
    };
    (void)state;
    memset(&told, 0, sizeof(told));
    memset(&world, 0, sizeof(world));
    lab_open(&handler);
    memset(&reload, 0, sizeof(reload));
    reload.children = &lab.children;
    reload.config_path = "r.conf";
    reload.last_number = 7;
    reload.handler = (struct reload_handler){
        .began = on_began, .read = on_read, .committed = on_new_generation, .ended = on_ended};
    reload_init(&reload);
    lab_run();
    return pipe2(world.pipe, O_CLOEXEC) == 0 && write(world.pipe[1], "", 1) == 1 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    reload_abort(&reload, "the test ends");
    lab_close();
    (void)close(world.pipe[0]);
    (void)close(world.pipe[1]);
    return 0;
}

// --- Steps ---

// What each child has received, in the order of the list: "L,L,-,-,-".
static const char *received(void) {
    static char all[128];
    all[0] = '\0';
    for (struct child *child = child_first(&lab.children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        const char *letters = lab_received(child);
        size_t used = strlen(all);
        (void)snprintf(all + used, sizeof(all) - used, "%s%s", used == 0 ? "" : ",",
                       letters[0] == '\0' ? "-" : letters);
    }
    return all;
}

static void answer(int kind, enum ipc_type type) {
    for (struct child *child = child_first(&lab.children, &lab_kinds[kind]); child != NULL;
         child = child_next(child, &lab_kinds[kind])) {
        lab_say(child, type, 8, "why");
    }
}

// Until LOAD was sent to the first kind.
static void begin(void) {
    assert_null(reload_begin(&reload, 5));
    assert_int_equal(reload.phase, RELOAD_READ);
    lab_turn();
    assert_int_equal(reload.phase, RELOAD_VALIDATE);
    lab_turn();
    assert_int_equal(reload.phase, RELOAD_LOAD);
    assert_string_equal(received(), "L,L,-,-,-");
}

static void begin_until(int kind) {
    begin();
    for (int i = 0; i < kind; i++) {
        answer(i, IPC_READY);
    }
    assert_int_equal(reload.phase, RELOAD_LOAD);
    assert_int_equal(reload.kind, kind);
    (void)received();
}

static void assert_ended(enum reload_result result, int exit_code, const char *text) {
    assert_int_equal(told.ended, 1);
    assert_int_equal(told.end.result, result);
    assert_int_equal(told.end.exit_code, exit_code);
    assert_string_equal(told.text, text);
    assert_int_equal(told.committed, result == RELOAD_DONE);
    assert_int_equal(world.keeps, result == RELOAD_DONE);
    assert_int_equal(world.frees, result == RELOAD_FAILED && staged.number == 8);
    assert_int_equal(lab.children.current->number, result == RELOAD_DONE ? 8 : 7);
}

// --- Tests ---

static void test_kind_by_kind_then_commit(void **state) {
    (void)state;
    begin();
    lab_say(lab_child(LAB_KEYS, 1), IPC_READY, 8, NULL);
    assert_string_equal(received(), "-,-,-,-,-"); // the other one is still waited for
    lab_say(lab_child(LAB_KEYS, 0), IPC_READY, 8, NULL);
    assert_string_equal(received(), "-,-,L,-,-");
    answer(LAB_SINGLE, IPC_READY);
    assert_string_equal(received(), "-,-,-,L,L");
    answer(LAB_CLIENTS, IPC_READY);
    assert_string_equal(received(), "-,-,-,C,C"); // only those who commit
    assert_int_equal(told.committed, 1);
    assert_int_equal(told.ended, 0);
    answer(LAB_CLIENTS, IPC_COMMITTED);
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
    assert_int_equal(told.end.request.client, 5);
    assert_int_equal(told.began, 1);
    assert_int_equal(reload.last_number, 8);
}

static void test_answers_about_other_generations_do_not_count(void **state) {
    (void)state;
    begin();
    for (unsigned slot = 0; slot < LAB_SLOTS; slot++) {
        lab_say(lab_child(LAB_KEYS, slot), IPC_READY, 7, NULL);
        lab_say(lab_child(LAB_KEYS, slot), IPC_FAILED, 9, "why");
        lab_say(lab_child(LAB_CLIENTS, slot), IPC_READY, 8, NULL); // who was not asked
        lab_say(lab_child(LAB_CLIENTS, slot), IPC_FAILED, 8, "why");
        lab_say(lab_child(LAB_CLIENTS, slot), IPC_COMMITTED, 8, NULL);
    }
    assert_string_equal(received(), "-,-,-,-,-");
    assert_int_equal(told.ended, 0);
}

static void test_a_failure_aborts_in_all_that_were_asked(void **state) {
    (void)state;
    static const char *const names[] = {"keys 0: 'why'", "single: 'why'", "clients 0: 'why'"};
    static const char *const aborts[] = {"A,A,-,-,-", "A,A,A,-,-", "A,A,A,A,A"};
    begin_until(*(const int *)*state);
    lab_say(lab_child(*(const int *)*state, 0), IPC_FAILED, 8, "why");
    assert_string_equal(received(), aborts[*(const int *)*state]);
    assert_ended(RELOAD_FAILED, 1, names[*(const int *)*state]);
}

// Otherwise no heartbeat would find that it stands still.
static void test_nobody_is_awaited_after_a_failure(void **state) {
    (void)state;
    begin_until(LAB_CLIENTS);
    assert_true(lab_child(LAB_CLIENTS, 1)->awaited);
    lab_say(lab_child(LAB_CLIENTS, 0), IPC_FAILED, 8, "why");
    assert_int_equal(told.end.result, RELOAD_FAILED);
    assert_false(lab_child(LAB_CLIENTS, 1)->awaited);
}

// Has the timer with which a dead child is replaced expire.
static void let_respawn(struct child *child) {
    assert_true(ev_is_active(&child->respawn));
    ev_invoke(lab.children.loop, &child->respawn, EV_TIMER);
    ev_timer_stop(lab.children.loop, &child->respawn);
}

static void test_the_dead_are_replaced_while_files_are_read(void **state) {
    (void)state;
    struct child *child = lab_child(LAB_CLIENTS, 1);
    assert_null(reload_begin(&reload, 5));
    assert_int_equal(reload.phase, RELOAD_READ);
    children_note_death(&lab.children, child->pid, 9);
    let_respawn(child);
    assert_int_equal(child->state, CHILD_STARTING);
    assert_int_equal(told.ended, 0);
    lab_turn();
    assert_int_equal(reload.phase, RELOAD_VALIDATE);
    lab_turn();
    answer(LAB_KEYS, IPC_READY);
    answer(LAB_SINGLE, IPC_READY);
    // The new child loads the former generation, then takes part in the reload.
    assert_string_equal(lab_received(child), "DLCL");
    lab_say(child, IPC_READY, 7, NULL);
    lab_say(child, IPC_COMMITTED, 7, NULL);
    assert_int_equal(child->state, CHILD_RUNNING);
    answer(LAB_CLIENTS, IPC_READY);
    assert_string_equal(lab_received(child), "C");
    answer(LAB_CLIENTS, IPC_COMMITTED);
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
}

static void test_a_death_before_the_commit(void **state) {
    (void)state;
    begin_until(LAB_CLIENTS);
    children_note_death(&lab.children, lab_child(LAB_SINGLE, 0)->pid, 9);
    assert_int_equal(told.end.result, RELOAD_FAILED);
    assert_non_null(strstr(told.text, "was killed by signal 9"));
    assert_string_equal(received(), "A,A,-,A,A"); // the dead one gets no word
}

static void test_a_death_after_the_commit(void **state) {
    (void)state;
    begin_until(LAB_CLIENTS);
    answer(LAB_CLIENTS, IPC_READY);
    lab_say(lab_child(LAB_CLIENTS, 0), IPC_COMMITTED, 8, NULL);
    assert_int_equal(told.ended, 0);
    children_note_death(&lab.children, lab_child(LAB_CLIENTS, 1)->pid, 9);
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
}

static void test_one_that_is_dead_is_not_waited_for(void **state) {
    (void)state;
    reload.phase = RELOAD_COMMIT; // nothing is replaced
    children_note_death(&lab.children, lab_child(LAB_SINGLE, 0)->pid, 9);
    memset(&told, 0, sizeof(told));
    lab.children.current = &lab.source;
    reload.phase = RELOAD_IDLE;
    ev_timer_stop(lab.children.loop, &lab_child(LAB_SINGLE, 0)->respawn);
    begin();
    answer(LAB_KEYS, IPC_READY);
    assert_string_equal(received(), "-,-,-,L,L");
}

static void time_out(void) {
    ev_invoke(lab.children.loop, &reload.timeout, EV_TIMER);
}

static void test_one_that_the_new_generation_does_not_want_has_no_part(void **state) {
    (void)state;
    lab.without_single = 8;
    begin();
    answer(LAB_KEYS, IPC_READY);
    assert_string_equal(received(), "-,-,-,L,L");
    answer(LAB_CLIENTS, IPC_READY);
    answer(LAB_CLIENTS, IPC_COMMITTED);
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
}

// It was told to stop, and a later generation wants it again.
static void test_one_that_stops_has_no_part(void **state) {
    (void)state;
    lab_child(LAB_SINGLE, 0)->is_dismissed = true;
    begin();
    answer(LAB_KEYS, IPC_READY);
    assert_string_equal(received(), "-,-,-,L,L");
}

static void test_time_is_up(void **state) {
    (void)state;
    begin_until(LAB_SINGLE);
    time_out();
    assert_ended(RELOAD_FAILED, 1, "a single did not answer in time and is replaced");
    assert_false(ev_is_active(&lab_child(LAB_SINGLE, 0)->control)); // it was killed
    assert_true(ev_is_active(&lab_child(LAB_KEYS, 0)->control));
}

static void test_time_is_up_after_the_commit(void **state) {
    (void)state;
    begin_until(LAB_CLIENTS);
    answer(LAB_CLIENTS, IPC_READY);
    lab_say(lab_child(LAB_CLIENTS, 1), IPC_COMMITTED, 8, NULL);
    time_out();
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
    assert_false(ev_is_active(&lab_child(LAB_CLIENTS, 0)->control));
    assert_true(ev_is_active(&lab_child(LAB_CLIENTS, 1)->control));
}

static void test_what_cannot_be_read_valid_or_opened(void **state) {
    (void)state;
    staged.number = 0;
    world.read = RESULT_ERROR;
    assert_null(reload_begin(&reload, 0));
    lab_turn();
    assert_ended(RELOAD_FAILED, 2, "r.conf:1: wrong");
    told.ended = 0;
    world.read = RESULT_OK;
    world.valid = RESULT_ERROR;
    assert_null(reload_begin(&reload, 0));
    lab_turn();
    lab_turn();
    assert_ended(RELOAD_FAILED, 2, "bad key");
    told.ended = world.frees = 0;
    world.valid = RESULT_OK;
    world.opened = RESULT_ERROR;
    assert_null(reload_begin(&reload, 0));
    lab_turn();
    lab_turn();
    assert_int_equal(told.end.exit_code, 1);
    assert_string_equal(told.text, "cannot bind");
    assert_string_equal(received(), "-,-,-,-,-");
}

static void test_changed_files(void **state) {
    (void)state;
    world.same = true;
    staged.number = 0;
    reload_changed_files(&reload);
    lab_turn();
    assert_int_equal(told.read, 1);
    assert_int_equal(told.began, 0);
    assert_ended(RELOAD_SAME, 1, "");
    assert_int_equal(told.end.request.by, RELOAD_BY_CHANGE);
    told.ended = 0;
    assert_null(reload_begin(&reload, 0)); // the next one is none
    lab_turn();
    assert_int_equal(told.end.request.by, RELOAD_BY_SIGNAL);
    assert_int_equal(told.read, 1);
}

static void test_one_at_a_time(void **state) {
    (void)state;
    begin();
    assert_string_equal(reload_begin(&reload, 6), "a reload is running");
    assert_int_equal(reload.next.by, RELOAD_BY_NONE);
    assert_null(reload_begin(&reload, 0)); // HUP waits
    assert_int_equal(world.reads, 1);
    reload_abort(&reload, "enough");
    assert_ended(RELOAD_FAILED, 1, "enough");
    assert_true(told.end.next.by != RELOAD_BY_NONE);
    assert_int_equal(told.end.next.client, 0);
    assert_int_equal(reload.next.by, RELOAD_BY_NONE);
}

static void test_one_command_waits_for_an_automatic_one(void **state) {
    (void)state;
    reload_changed_files(&reload);
    assert_null(reload_begin(&reload, 6));
    assert_string_equal(reload_begin(&reload, 9), "a reload is running");
    assert_null(reload_begin(&reload, 0));
    reload_abort(&reload, "enough");
    assert_true(told.end.next.by != RELOAD_BY_NONE);
    assert_int_equal(told.end.request.client, 0);
    assert_int_equal(told.end.next.client, 6);
}

static void test_nothing_to_abort(void **state) {
    (void)state;
    reload_abort(&reload, "enough");
    assert_int_equal(told.ended, 0);
    begin_until(LAB_CLIENTS);
    answer(LAB_CLIENTS, IPC_READY);
    reload_abort(&reload, "enough"); // too late
    assert_ended(RELOAD_DONE, 0, "reloaded: generation 8");
}

static int keys = LAB_KEYS, single = LAB_SINGLE, clients = LAB_CLIENTS;

#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_KIND(test, kind)                                                                      \
    { "" #test " " #kind, test, set_up, tear_down, &(kind) }

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LAB(test_kind_by_kind_then_commit),
        WITH_LAB(test_answers_about_other_generations_do_not_count),
        WITH_KIND(test_a_failure_aborts_in_all_that_were_asked, keys),
        WITH_KIND(test_a_failure_aborts_in_all_that_were_asked, single),
        WITH_KIND(test_a_failure_aborts_in_all_that_were_asked, clients),
        WITH_LAB(test_nobody_is_awaited_after_a_failure),
        WITH_LAB(test_the_dead_are_replaced_while_files_are_read),
        WITH_LAB(test_a_death_before_the_commit),
        WITH_LAB(test_a_death_after_the_commit),
        WITH_LAB(test_one_that_is_dead_is_not_waited_for),
        WITH_LAB(test_one_that_the_new_generation_does_not_want_has_no_part),
        WITH_LAB(test_one_that_stops_has_no_part),
        WITH_LAB(test_time_is_up),
        WITH_LAB(test_time_is_up_after_the_commit),
        WITH_LAB(test_what_cannot_be_read_valid_or_opened),
        WITH_LAB(test_changed_files),
        WITH_LAB(test_one_at_a_time),
        WITH_LAB(test_one_command_waits_for_an_automatic_one),
        WITH_LAB(test_nothing_to_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
