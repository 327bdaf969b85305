// Validation: are the certificates and keys of a bundle good, and do they belong together?
//
// Parsers of certificates and keys do not run in the master, which is root: a child of its own
// without rights does that, ends, and leaves a verdict. A crash there costs nothing but the reload
// that asked. Warnings it leaves in the source's findings.
#ifndef RAVELIN_PROCESS_VALIDATE_H
#define RAVELIN_PROCESS_VALIDATE_H

#include "config/bundle.h"
#include "process/source.h"
#include "process/spawn.h"

// A validation under way in a child.
struct validation {
    pid_t pid;  // 0: none, or reaped
    int status; // as waitpid() gave it, once reaped
    int fd;     // readable when there is something to read with validate_read(); -1: none
    size_t size;
    bool is_quoted; // what `text` says is the child's word, cleaned; else the master's
    char text[CONFIG_ERROR_SIZE];
};

// What the child needs. It leaves the store unread.
struct validate_input {
    const struct source *source;
    const struct privilege *privilege;
    const struct title *title;
};

enum result validate_start(struct validation *validation,
                           const struct validate_input *input) MUST_CHECK;
// RESULT_AGAIN: no verdict yet. RESULT_OK: valid. RESULT_ERROR: `text` says why not. With a verdict
// the child is reaped and fd closed.
enum result validate_read(struct validation *validation) MUST_CHECK;
// For who reaps all children: takes note when it was this one.
void validate_note_death(struct validation *validation, pid_t pid, int status);
// Words for the end of a child that said nothing, into `text`. `who`: what it was.
void validate_describe_end(struct validation *validation, const char *who);
// Gives up: kills the child and reaps it. None: nothing.
void validate_cancel(struct validation *validation);
// Starts one and waits for its verdict, for at most VALIDATE_TIMEOUT_S; reaps the child.
enum result validate_wait(const struct validate_input *input,
                          char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

#define VALIDATE_TIMEOUT_S 30

#endif
