// Automatic reload: what `certificate-watch = yes` turns on in the master. Without it, a
// configuration with `certificate acme` turns it on for the certificates that are ordered.
//
// When a file that the current generation names may have changed (file_watch.h), all of them are
// read again, a moment later, with the config text that is in use: a text that was edited meanwhile
// does not count before a reload by hand. If the content is another one, a reload (reload.h) makes
// it current; if it is the same, as after a touch, nothing happens.
//
// A certificate and its key are rarely replaced at the same instant. Files that do not fit together
// change nothing; that is logged once, as a warning with file:line, and they are looked at again at
// the next change and every AUTO_RELOAD_RETRY_S seconds.
//
// Bounded: the first change after a time of calm is acted upon AUTO_RELOAD_PAUSE_S later; while
// changes go on the pause doubles up to AUTO_RELOAD_PAUSE_MAX_S, and it is never less than ten
// times what the look before took. In a pause, and for AUTO_RELOAD_REST_S after a change of another
// file in a watched folder, inotify is not listened to.
//
// What cannot be watched (inotify's limits) is logged as a warning, once, and tried again with the
// retries; a reload by hand works in any case.
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
    AUTO_RELOAD_BLIND,   // no file is watched: before the first look, or `problem` says why
    AUTO_RELOAD_PARTIAL, // some files are not watched: `problem` names one
    AUTO_RELOAD_WATCHING,
};

// How the last reload by itself ended.
enum auto_reload_outcome { AUTO_RELOAD_NEVER, AUTO_RELOAD_SUCCEEDED, AUTO_RELOAD_FAILED };

struct auto_reload_handler {
    // Whether a reload may begin now. If not, it is asked again AUTO_RELOAD_PAUSE_S later.
    bool (*may_begin)(void *context);
    // Reads all files again, and reloads if they have changed. What comes of it is told with the
    // auto_reload_note functions, now or later.
    void (*begin)(void *context);
    void *context;
};

// The owner sets what is above the line; the rest is zero at the start.
struct auto_reload {
    struct ev_loop *loop;
    struct log *log;
    struct auto_reload_handler handler;
    // ----
    enum auto_reload_state state;
    const struct config *config;           // whose files are watched
    struct file_watch *files;              // NULL while off or blind
    char problem[FILE_WATCH_PROBLEM_SIZE]; // with watching; empty: none
    ev_io change;
    ev_timer look; // runs while the files are to be looked at
    ev_timer rest;
    ev_tstamp pause; // before the last look
    ev_tstamp pause_least;
    ev_tstamp looked_at;               // monotonic
    char complaint[CONFIG_ERROR_SIZE]; // about the files, as it was logged; empty: none

    enum auto_reload_outcome outcome;
    int64_t ended_us;                     // of the last reload by itself, wall clock
    char ending[FILE_WATCH_PROBLEM_SIZE]; // the first line of what was said
};

// From now on this is the current generation. It must outlive its use here.
void auto_reload_use(struct auto_reload *automatic, const struct config *config);
// Turns it on or off as the current generation says, and looks for changes at once: a change that
// came while no file was watched is not missed. Call it at the start and after every reload by
// hand.
void auto_reload_update(struct auto_reload *automatic);
void auto_reload_stop(struct auto_reload *automatic); // for good; once more is fine

// What came of begin(). The files were read: the longer that takes, the more rarely it is done.
void auto_reload_note_read(struct auto_reload *automatic);
// The files are the same.
void auto_reload_note_same(struct auto_reload *automatic);
// The reload ended with this exit code and text.
void auto_reload_note_end(struct auto_reload *automatic, int exit_code, const char *text);
// True if `text` differs from the error of the last failed reload by itself. Keeps a repeated error
// from being logged again.
bool auto_reload_is_news(const struct auto_reload *automatic, const char *text);

#endif
