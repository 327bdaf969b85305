// The pulse of a child process: whether it still answers, judged by the ticks of its owner's timer.
//
// The owner sends a PING in one tick, and the answer must come within PULSE_LIMIT ticks. Ticks are
// counted, not seconds: no tick passes while the owner itself is stopped or the machine is
// suspended. A child that could run but gets no processor does not stand still: a running child is
// lost only after PULSE_CPU_S seconds of processor time without an answer, or after
// PULSE_LIMIT_BUSY ticks. A child that a debugger holds is never lost.
#ifndef RAVELIN_PROCESS_PULSE_H
#define RAVELIN_PROCESS_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PULSE_LIMIT 4       // ticks
#define PULSE_LIMIT_BUSY 20 // ticks
#define PULSE_CPU_S 8.0

enum pulse_state {
    PULSE_ANSWERED, // or nothing was asked yet
    PULSE_ASKED,    // and not answered
    PULSE_LOST,     // stands still; for good
};

// Zeroed for a new child.
struct pulse {
    uint64_t number; // of the last PING
    enum pulse_state state;
    unsigned missed; // ticks since the last PING
    double cpu_s;    // the child's processor time at the first of these ticks
};

// What /proc/PID/stat says.
struct process_state {
    char letter; // R, S, D, T, t, Z, ...; '?': unknown
    double cpu_s;
};

struct process_state process_state_parse(const char *stat);
struct process_state process_state_read(pid_t pid);

// One tick. True: send a PING with `number`.
bool pulse_tick(struct pulse *pulse);
// Whether the answer did not come within a tick: then pulse_judge() must be called in each tick.
bool pulse_is_late(const struct pulse *pulse);
// Whether a late child stands still. True once.
bool pulse_judge(struct pulse *pulse, const struct process_state *state);
// An answer. False: nothing like that was asked.
bool pulse_note_answer(struct pulse *pulse, uint64_t number);

#endif
