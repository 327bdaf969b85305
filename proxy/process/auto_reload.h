// Automatic reload: what `certificate-watch = yes` turns on in the master.
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
#include "process/file_watch.h"

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#define AUTO_RELOAD_PAUSE_S 1.
#define AUTO_RELOAD_PAUSE_MAX_S 60.
#define AUTO_RELOAD_CALM_S 10.
#define AUTO_RELOAD_REST_S 0.1
#define AUTO_RELOAD_RETRY_S 30.

struct master;

// A part of the master; zeroed at its start.
struct auto_reload {
    bool on;
    struct file_watch *files;              // NULL: not watching
    char problem[FILE_WATCH_PROBLEM_SIZE]; // with watching; empty: none
    ev_io change;
    ev_timer look; // runs while the files are to be looked at
    ev_timer rest;
    ev_tstamp pause; // before the last look
    ev_tstamp pause_least;
    ev_tstamp looked_at;               // monotonic
    char complaint[CONFIG_ERROR_SIZE]; // about the files, as it was logged; empty: none

    int64_t ended_us; // the last reload by itself, wall clock; 0: there was none
    bool succeeded;
    char ending[FILE_WATCH_PROBLEM_SIZE]; // the first line of what was said
};

// Turns it on or off as the current generation says, and looks for changes at once: what happened
// while nobody watched is not missed. At the start and after every reload by hand.
void auto_reload_update(struct master *master);
void auto_reload_stop(struct master *master); // for good; once more is fine

// What reload.c tells of the reload it was asked for (reload_changed_files()): the files are the
// same; or it ended with this exit code and text.
void auto_reload_note_same(struct master *master);
// The files were read, whatever came of it: the longer that takes, the more rarely it is done.
void auto_reload_note_read(struct master *master);
void auto_reload_note_end(struct master *master, int exit_code, const char *text);
// Whether this is not what the last one failed with.
bool auto_reload_is_news(const struct master *master, const char *text);

#endif
