#include "process/log_files.h"

#include "process/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

// `fd`: -1 if it could not be opened.
static void set_fd(struct log_file *file, int fd) {
    file->fd = fd;
    file->state = fd < 0 ? LOG_FILE_NONE : LOG_FILE_OPEN;
}

// Opens a path that may be a FIFO without a reader.
static void open_path(struct log_file *file, const char *path, int flags) {
    struct stat status;
    set_fd(file, open(path, OPEN_FLAGS | flags, 0640));
    if (file->fd >= 0 || errno != ENXIO || stat(path, &status) != 0 || !S_ISFIFO(status.st_mode)) {
        return;
    }
    // On Linux, opening a FIFO in both directions never waits, and gives a descriptor for writing,
    // too.
    file->holder = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    file->fd = file->holder < 0 ? -1 : open(path, OPEN_FLAGS);
    file->state = file->fd >= 0       ? LOG_FILE_HELD
                  : file->holder >= 0 ? LOG_FILE_NONE
                                      : LOG_FILE_ABSENT;
}

// Uses a log writer for `target`, and takes ownership of it. `target` -1: passes errno on.
static void use_writer(struct log_file *file, int target, const char *name,
                       struct log_writers *writers) {
    set_fd(file, target < 0 ? -1 : log_writers_open(writers, target, name, &file->writer));
}

// Removes an empty file that Ravelin may not write. Removes no other file.
static bool remove_empty(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0 &&
           unlink(path) == 0;
}

static void open_named(struct log_file *file, const char *path, struct log_writers *writers) {
    open_path(file, path, O_CREAT);
    if (file->fd < 0 && errno == EACCES) {
        if (remove_empty(path)) {
            open_path(file, path, O_CREAT);
            file->state = file->fd < 0 ? LOG_FILE_NONE : LOG_FILE_REPLACED;
        } else {
            errno = EACCES;
        }
    }
    if (file->fd < 0 || !log_target_is_for_writer(file->fd)) {
        return;
    }
    // The open file description is Ravelin's own. O_NONBLOCK was for open(), which never waits.
    if (fcntl(file->fd, F_SETFL, O_APPEND) != 0) {
        int saved = errno;
        (void)close(file->fd);
        errno = saved;
        set_fd(file, -1);
        return;
    }
    use_writer(file, file->fd, path, writers);
}

static void open_stream(struct log_file *file, int stream, const char *name,
                        struct log_writers *writers) {
    struct stat status;
    char path[32];
    if (fstat(stream, &status) != 0) {
        return;
    }
    bool needs_writer = log_target_is_for_writer(stream);
    if (S_ISREG(status.st_mode) && !needs_writer) {
        set_fd(file, fcntl(stream, F_DUPFD_CLOEXEC, 0));
        return;
    }
    if (!needs_writer) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", stream);
        open_path(file, path, 0);
    }
    if (file->fd < 0) {
        use_writer(file, fcntl(stream, F_DUPFD_CLOEXEC, 0), name, writers);
    }
}

// The reason why the path could not be opened. `failed`: errno.
static const char *open_reason(const char *path, int failed) {
    struct stat status;
    return failed == ENXIO && stat(path, &status) == 0 && S_ISSOCK(status.st_mode)
               ? "it is a socket; if it is a standard stream, write stdout or stderr"
               : strerror(failed);
}

static enum result open_target(struct log_file *file, const struct config *config,
                               const char *option, const struct config_log *target,
                               struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) {
    const char *name = target->path;
    switch (target->target) {
    case LOG_TARGET_OFF:
    case LOG_TARGET_SYSLOG:
    case LOG_TARGET_JOURNAL:
        return RESULT_OK;
    case LOG_TARGET_STDOUT:
        name = "stdout";
        open_stream(file, STDOUT_FILENO, name, writers);
        break;
    case LOG_TARGET_STDERR:
        name = "stderr";
        open_stream(file, STDERR_FILENO, name, writers);
        break;
    case LOG_TARGET_FILE:
        open_named(file, target->path, writers);
        break;
    }
    if (file->state == LOG_FILE_NONE) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s: cannot open %s: %s", config->path, option,
                       name, open_reason(name, errno));
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void log_files_init(struct log_files *files) {
    const struct log_file none = {LOG_FILE_NONE, -1, -1, NULL};
    *files = (struct log_files){none, none};
}

enum result log_files_open(struct log_files *files, const struct config *config,
                           struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) {
    log_files_init(files);
    if (open_target(&files->error, config, "log", &config->log, writers, error) != RESULT_OK ||
        open_target(&files->access, config, "access-log", &config->access_log, writers, error) !=
            RESULT_OK) {
        log_files_close(files);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

static void warn(const struct log_file *file, const char *option, const char *path,
                 struct log *log) {
    if (path == NULL) {
        path = "the standard stream";
    }
    if (file->state == LOG_FILE_ABSENT) {
        log_warning(log, "%s: no process reads the FIFO %s; the log is off until one does", option,
                    path);
    } else if (file->state == LOG_FILE_HELD) {
        log_warning(log, "%s: no process reads the FIFO %s; lines are lost when it is full", option,
                    path);
    } else if (file->state == LOG_FILE_REPLACED) {
        log_warning(log,
                    "%s: replaced the empty file %s, which Ravelin may not write; 'create' in the "
                    "logrotate file must name the user that runs Ravelin",
                    option, path);
    }
}

void log_files_warn(const struct log_files *files, const struct config *config, struct log *log) {
    warn(&files->error, "log", config->log.path, log);
    warn(&files->access, "access-log", config->access_log.path, log);
}

unsigned log_files_absent(const struct log_files *files) {
    return (files->error.state == LOG_FILE_ABSENT ? 1 : 0) +
           (files->access.state == LOG_FILE_ABSENT ? 1 : 0);
}

static void close_file(struct log_file *file) {
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    if (file->holder >= 0) {
        (void)close(file->holder);
    }
    if (file->writer != NULL) {
        log_writers_release(file->writer);
    }
}

void log_files_close(struct log_files *files) {
    close_file(&files->error);
    close_file(&files->access);
    log_files_init(files);
}

enum log_severity log_files_severity(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return SEVERITY_ERROR;
    case LOG_LEVEL_WARNING:
        return SEVERITY_WARNING;
    case LOG_LEVEL_DEBUG:
        return SEVERITY_DEBUG;
    case LOG_LEVEL_INFO:
    default:
        return SEVERITY_INFO;
    }
}
