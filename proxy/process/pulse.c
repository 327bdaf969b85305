#include "process/pulse.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Fields of /proc/PID/stat behind the name (proc(5)): the first is the state, utime and stime are
// these.
enum { FIELD_PARENT = 1, FIELD_UTIME = 11, FIELD_STIME = 12 };

struct process_state process_state_parse(const char *stat) {
    struct process_state state = {.letter = '?'};
    const char *end = strrchr(stat, ')'); // a name may hold anything
    if (end == NULL || end[1] != ' ' || end[2] == '\0') {
        return state;
    }
    state.letter = end[2];
    const char *at = end + 2;
    unsigned long long ticks = 0;
    for (int field = 0; field <= FIELD_STIME && at != NULL; field++) {
        state.parent = field == FIELD_PARENT ? (pid_t)strtol(at, NULL, 10) : state.parent;
        ticks += field >= FIELD_UTIME ? strtoull(at, NULL, 10) : 0;
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    state.cpu_s = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return state;
}

struct process_state process_state_read(pid_t pid) {
    char path[32];
    char text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    text[size < 0 ? 0 : size] = '\0';
    return process_state_parse(text);
}

bool pulse_is_stopped(pid_t pid, unsigned *stopped) {
    *stopped = process_state_read(pid).letter == 'T' ? *stopped + 1 : 0;
    return *stopped >= PULSE_LIMIT;
}

bool pulse_tick(struct pulse *pulse) {
    if (pulse->state != PULSE_ANSWERED) {
        pulse->missed++;
        return false;
    }
    pulse->number++;
    pulse->state = PULSE_ASKED;
    pulse->missed = 0;
    return true;
}

bool pulse_is_late(const struct pulse *pulse) {
    return pulse->state == PULSE_ASKED && pulse->missed > 0;
}

bool pulse_judge(struct pulse *pulse, const struct process_state *state) {
    if (pulse->missed == 1) {
        pulse->cpu_s = state->cpu_s;
    }
    if (!pulse_is_late(pulse) || pulse->missed < PULSE_LIMIT || state->letter == 't') {
        return false;
    }
    bool runs = state->letter == 'R' || state->letter == 'D';
    if (runs && pulse->missed < PULSE_LIMIT_BUSY && state->cpu_s - pulse->cpu_s < PULSE_CPU_S) {
        return false;
    }
    pulse->state = PULSE_LOST;
    return true;
}

bool pulse_note_answer(struct pulse *pulse, uint64_t number) {
    if (pulse->state == PULSE_ANSWERED || number != pulse->number) {
        return false;
    }
    if (pulse->state == PULSE_ASKED) {
        pulse->state = PULSE_ANSWERED;
    }
    return true;
}
