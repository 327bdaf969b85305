// Automatic reload in the master: `certificate-watch = yes` turns it on. Without this option, a
// configuration with `certificate acme` turns it on for the ordered certificates.
//
// When a file of the current generation may have changed (file_watch.h), all files are read again
// after a pause. The config text in use stays; an edited config file is read only by a manual
// reload. If the contents have changed, a reload (reload.h) makes them current. If they are the
// same, for example after a touch, nothing happens.
//
// A certificate and its key are rarely replaced at the same instant. Files that do not match change
// nothing. This is logged once, as a warning with file:line. The files are read again at the next
// change and every AUTO_RELOAD_RETRY_S seconds.
//
// Bounds. After a calm time, the files are read AUTO_RELOAD_PAUSE_S after the first change. While
// changes continue, the pause doubles up to AUTO_RELOAD_PAUSE_MAX_S. The pause is at least ten
// times the duration of the last reading. During a pause, and for AUTO_RELOAD_REST_S after a change
// of another file in a watched folder, inotify events are not read.
//
// If a file cannot be watched (inotify's limits), a warning is logged once, and the watch is tried
// again with the retries. Manual reloads work in any case.
#ifndef RAVELIN_PROCESS_AUTO_RELOAD_H
#define RAVELIN_PROCESS_AUTO_RELOAD_H

#include "config/config.h"
#include "observe/log.h"
#include "process/file_watch.h"

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#define AUTO_RELOAD_PAUSE_S 1.
#define AUTO_RELOAD_PAUSE_MAX_S 60.
#define AUTO_RELOAD_CALM_S 10.
#define AUTO_RELOAD_REST_S 0.1
#define AUTO_RELOAD_RETRY_S 30.

enum auto_reload_state {
    AUTO_RELOAD_OFF,
    AUTO_RELOAD_BLIND, // no file is watched: before the first reading, or `problem` has the reason
    AUTO_RELOAD_PARTIAL, // some files are not watched: `problem` names one
    AUTO_RELOAD_WATCHING,
};

// Result of the last automatic reload.
enum auto_reload_outcome { AUTO_RELOAD_NEVER, AUTO_RELOAD_SUCCEEDED, AUTO_RELOAD_FAILED };

struct auto_reload_handler {
    // Whether a reload may begin now. If not, it is asked again AUTO_RELOAD_PAUSE_S later.
    bool (*may_begin)(void *context);
    // Reads all files again, and reloads if they have changed. Reports the results with the
    // auto_reload_note functions, now or later.
    void (*begin)(void *context);
    void *context;
};

// The owner sets the members above the line and zeroes the others.
struct auto_reload {
    struct ev_loop *loop;
    struct log *log;
    struct auto_reload_handler handler;
    // ----
    enum auto_reload_state state;
    const struct config *config;           // generation whose files are watched
    struct file_watch *files;              // NULL while off or blind
    char problem[FILE_WATCH_PROBLEM_SIZE]; // a file that is not watched; empty: none
    ev_io change;
    ev_timer look; // runs before the files are read
    ev_timer rest;
    ev_tstamp pause;                   // length before the last reading
    ev_tstamp pause_least;             // lower limit of `pause`
    ev_tstamp looked_at;               // time of the last reading, monotonic
    char complaint[CONFIG_ERROR_SIZE]; // last logged error of the files; empty: none

    enum auto_reload_outcome outcome;
    int64_t ended_us;                     // end of the last automatic reload, wall clock
    char ending[FILE_WATCH_PROBLEM_SIZE]; // first line of its text
};

// Sets the current generation, which must outlive its use here.
void auto_reload_use(struct auto_reload *automatic, const struct config *config);
// Turns automatic reload on or off as the current generation configures it. Reads the files at
// once, so that a change before the watch began is found. Call it at the start and after every
// manual reload.
void auto_reload_update(struct auto_reload *automatic);
void auto_reload_stop(struct auto_reload *automatic); // permanent; may be called again

// Call it after begin(), when the files were read. The next pauses depend on how long this took.
void auto_reload_note_read(struct auto_reload *automatic);
// Call it after begin(), if the files are the same.
void auto_reload_note_same(struct auto_reload *automatic);
// Call it after begin(), when the reload has ended with this exit code and text.
void auto_reload_note_end(struct auto_reload *automatic, int exit_code, const char *text);
// True if `text` differs from the error of the last failed automatic reload. Keeps a repeated error
// from being logged again.
bool auto_reload_is_news(const struct auto_reload *automatic, const char *text);

#endif
