// The pulse of a child process: decides, by the ticks of its owner's timer, whether the child still
// responds.
//
// The owner sends a PING in one tick. The reply must arrive within PULSE_LIMIT ticks. Ticks are
// counted, not seconds, because no tick passes while the owner is stopped or the machine is
// suspended. A child that waits for the processor is not lost: a runnable child is lost only after
// PULSE_CPU_S seconds of CPU time without a reply, or after PULSE_LIMIT_BUSY ticks. A child that is
// stopped by a debugger is never lost.
#ifndef RAVELIN_PROCESS_PULSE_H
#define RAVELIN_PROCESS_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PULSE_LIMIT 4       // ticks
#define PULSE_LIMIT_BUSY 20 // ticks
#define PULSE_CPU_S 8.0

enum pulse_state {
    PULSE_ANSWERED, // or no PING was sent yet
    PULSE_ASKED,    // a PING has no reply yet
    PULSE_LOST,     // no reply in time; permanent
};

// Zero it for a new child.
struct pulse {
    uint64_t number; // number of the last PING
    enum pulse_state state;
    unsigned missed; // ticks since the last PING
    double cpu_s;    // the child's CPU time at the first of these ticks
};

// The state of a process in /proc/PID/stat.
struct process_state {
    char letter; // R, S, D, T, t, Z, ...; '?': unknown
    double cpu_s;
    pid_t parent; // 0: unknown
};

struct process_state process_state_parse(const char *stat);
struct process_state process_state_read(pid_t pid);

// For a child that replies to no PING, because it waits for others. Call it in each tick; true: a
// signal has stopped the child for PULSE_LIMIT ticks. *stopped: 0 for a new child.
bool pulse_is_stopped(pid_t pid, unsigned *stopped);

// Counts one tick. True: send a PING with `number`.
bool pulse_tick(struct pulse *pulse);
// Whether no reply came within a tick. Then pulse_judge() must be called in each tick.
bool pulse_is_late(const struct pulse *pulse);
// Whether a late child is lost. True once.
bool pulse_judge(struct pulse *pulse, const struct process_state *state);
// Notes a reply. False: it has no PING.
bool pulse_note_answer(struct pulse *pulse, uint64_t number);

#endif
