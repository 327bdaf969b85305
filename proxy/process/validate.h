// Validation: checks whether the certificates and keys of a bundle are valid and match.
//
// Certificates and keys are not parsed in the master, which may be root. A child without rights
// parses them, reports a verdict and exits. If it crashes, only the reload fails. Its warnings are
// in the source's findings.
#ifndef RAVELIN_PROCESS_VALIDATE_H
#define RAVELIN_PROCESS_VALIDATE_H

#include "config/bundle.h"
#include "process/source.h"
#include "process/spawn.h"

// The validation of a child under way.
struct validation {
    pid_t pid;  // 0: none, or reaped
    int status; // as waitpid() returned it, after the child was reaped
    int fd;     // readable when validate_read() has something to read; -1: none
    size_t size;
    bool is_quoted; // `text` was written by the child and cleaned; false: by the master
    char text[CONFIG_ERROR_SIZE];
};

// The child's input. The child does not read the store.
struct validate_input {
    const struct source *source;
    const struct privilege *privilege;
    const struct title *title;
};

enum result validate_start(struct validation *validation,
                           const struct validate_input *input) MUST_CHECK;
// RESULT_AGAIN: no verdict yet. RESULT_OK: valid. RESULT_ERROR: `text` has the reason. With a
// verdict, the child is reaped and fd is closed.
enum result validate_read(struct validation *validation) MUST_CHECK;
// Call it when a child was reaped. Does nothing for another process.
void validate_note_death(struct validation *validation, pid_t pid, int status);
// Writes to `text` how a child ended that sent nothing. `who`: name of the child.
void validate_describe_end(struct validation *validation, const char *who);
// Cancels a validation, if one is under way: kills the child and reaps it.
void validate_cancel(struct validation *validation);
// Starts a validation and waits for its verdict, at most VALIDATE_TIMEOUT_S. Reaps the child.
enum result validate_wait(const struct validate_input *input,
                          char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

#define VALIDATE_TIMEOUT_S 30

#endif
