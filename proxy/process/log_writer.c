#include "process/log_writer.h"

#include "base/printable.h"
#include "observe/sink.h"
#include "process/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536, RETRY_MS = 50 };

// A slot of the reports. The log writer writes it, the master reads it.
struct report {
    _Atomic uint64_t lost; // lines that the target did not accept
    _Atomic int error;     // errno of the last write; 0: it was accepted
};

_Static_assert(sizeof(struct report) <= REGION_PAGE, "a report fits its slot");

struct copy {
    int from;
    int to;
    struct report *report;
    bool is_torn; // the target accepted the beginning of a line, and not its end
};

static void pause_ms(long milliseconds) {
    const struct timespec time = {.tv_nsec = milliseconds * 1000000};
    (void)nanosleep(&time, NULL);
}

// --- In the log writer ---

// Returns the number of bytes that the target accepted.
static size_t write_all(const struct copy *copy, const char *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(copy->to, data + done, size - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            pause_ms(RETRY_MS); // another program made it non-blocking
        } else if (written == 0 || errno != EINTR) {
            atomic_store(&copy->report->error, written == 0 ? ENOSPC : errno);
            return done;
        }
    }
    atomic_store(&copy->report->error, 0);
    return done;
}

static uint64_t count_lines(const char *data, size_t size) {
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

// An error of the target (a closed terminal, a pipe without a reader) drops only this piece,
// because the target may accept later ones.
static void write_piece(struct copy *copy, const char *data, size_t size) {
    if (copy->is_torn && write_all(copy, "\n", 1) == 1) {
        copy->is_torn = false;
    }
    size_t done = copy->is_torn ? 0 : write_all(copy, data, size);
    if (done < size) {
        copy->is_torn = copy->is_torn || (done > 0 && data[done - 1] != '\n');
        atomic_fetch_add(&copy->report->lost, count_lines(data + done, size - done));
    }
}

// Writes the complete lines among the bytes, and returns their size.
static size_t write_lines(struct copy *copy, char *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t most = size - done < SINK_PIECE_MAX ? size - done : SINK_PIECE_MAX;
        char *end = memrchr(data + done, '\n', most);
        if (end == NULL && most < SINK_PIECE_MAX) {
            break;
        }
        size_t piece = end == NULL ? most : (size_t)(end - (data + done)) + 1;
        // A process that was taken over can have written any bytes into the pipe.
        printable_clean_bytes(data + done, piece, PRINTABLE_LINES);
        write_piece(copy, data + done, piece);
        done += piece;
    }
    return done;
}

static void *prepare_copy(void *argument) {
    spawn_mute();
    return argument;
}

// Copies until no process has the writing end of the pipe.
static int run_copy(void *argument) {
    struct copy *copy = argument;
    static char buffer[BUFFER_SIZE];
    size_t used = 0;
    for (;;) {
        ssize_t size = read(copy->from, buffer + used, sizeof(buffer) - used);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            printable_clean_bytes(buffer, used, PRINTABLE_LINES);
            write_piece(copy, buffer, used);
            return size < 0;
        }
        used += (size_t)size;
        size_t done = write_lines(copy, buffer, used);
        used -= done;
        memmove(buffer, buffer + done, used);
    }
}

// --- Processes ---

static size_t slot_of(const struct log_writers *writers, const struct log_writer *writer) {
    return (size_t)(writer - writers->writers);
}

static struct report *report_of(const struct log_writers *writers,
                                const struct log_writer *writer) {
    uint8_t *slot = writers->reports.writable + slot_of(writers, writer) * REGION_PAGE;
    return (struct report *)(void *)slot;
}

static void start(struct log_writers *writers, struct log_writer *writer) {
    struct copy copy = {writer->read_fd, writer->target, report_of(writers, writer), false};
    const struct spawn spawn = {
        .name = "rav-log",
        .title = "ravelin: log writer",
        .privilege = writers->privilege,
        .keep = {writer->read_fd, writer->target},
        .keep_count = 2,
        .argument = &copy,
        .prepare = prepare_copy,
        .sandbox = SANDBOX_DESCRIPTORS,
        .run = run_copy,
    };
    region_lend(&writers->reports, slot_of(writers, writer));
    pid_t pid = spawn_process(&spawn, writers->title);
    region_lend(&writers->reports, REGION_NO_SLOT);
    writer->pid = pid < 0 ? 0 : pid;
    writer->stopped = 0;
}

bool log_writers_note_death(struct log_writers *writers, pid_t pid) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        if (writers->writers[i].pid == pid) {
            writers->writers[i].pid = 0;
            return writers->writers[i].users > 0;
        }
    }
    return false;
}

void log_writers_revive(struct log_writers *writers) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        struct log_writer *writer = &writers->writers[i];
        if (writer->users > 0 && writer->pid == 0) {
            start(writers, writer);
        } else if (writer->users > 0 && pulse_is_stopped(writer->pid, &writer->stopped)) {
            (void)kill(writer->pid, SIGKILL);
        }
    }
}

static void wait_for_end(const struct log_writer *writer, int *patience_ms) {
    while (writer->pid > 0 && waitpid(writer->pid, NULL, WNOHANG) == 0) {
        if (*patience_ms <= 0) {
            (void)kill(writer->pid, SIGKILL);
            return;
        }
        pause_ms(1);
        *patience_ms -= 1;
    }
}

void log_writers_end(struct log_writers *writers) {
    int patience_ms = LOG_WRITER_END_MS;
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        wait_for_end(&writers->writers[i], &patience_ms);
        writers->writers[i] = (struct log_writer){.pid = 0};
    }
    region_unmap(&writers->reports);
    writers->reports = (struct region){.writable = NULL};
}

// --- Targets ---

static bool make_pipe(struct log_writer *writer) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    if (fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return false;
    }
    writer->read_fd = fds[0];
    writer->write_fd = fds[1];
    return true;
}

// Another terminal may have its name and number by now.
static bool is_hung_up(const struct log_writer *writer) {
    struct pollfd target = {.fd = writer->target};
    return poll(&target, 1, 0) == 1 && (target.revents & (POLLHUP | POLLERR)) != 0;
}

static struct log_writer *find(struct log_writers *writers, const struct stat *status) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        struct log_writer *writer = &writers->writers[i];
        if (writer->users > 0 && writer->device == status->st_dev &&
            writer->inode == status->st_ino && !(S_ISCHR(status->st_mode) && is_hung_up(writer))) {
            return writer;
        }
    }
    return NULL;
}

// Returns an unused log writer. If all others are leaving and do not exit, kills the first of them.
static struct log_writer *vacate(struct log_writers *writers) {
    struct log_writer *leaving = NULL;
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        struct log_writer *writer = &writers->writers[i];
        if (writer->users == 0 && writer->pid == 0) {
            return writer;
        }
        if (writer->users == 0 && leaving == NULL) {
            leaving = writer;
        }
    }
    if (leaving != NULL) {
        (void)kill(leaving->pid, SIGKILL); // reaped like any other process
        leaving->pid = 0;
    }
    return leaving;
}

// NULL with errno: nothing remains open except `target`.
static struct log_writer *make(struct log_writers *writers, int target, const struct stat *status,
                               const char *name) {
    if (writers->reports.writable == NULL &&
        !region_map(&writers->reports, "ravelin-log-writers", LOG_WRITER_COUNT, REGION_PAGE)) {
        return NULL;
    }
    struct log_writer *writer = vacate(writers);
    if (writer == NULL) {
        errno = EMFILE;
        return NULL;
    }
    struct report *report = report_of(writers, writer);
    writers->lost += atomic_exchange(&report->lost, 0);
    atomic_store(&report->error, 0);
    *writer =
        (struct log_writer){.target = target, .device = status->st_dev, .inode = status->st_ino};
    (void)snprintf(writer->name, sizeof(writer->name), "%s", name);
    return make_pipe(writer) ? writer : NULL;
}

int log_writers_open(struct log_writers *writers, int target, const char *name,
                     struct log_writer **used) {
    struct stat status;
    struct log_writer *writer = NULL;
    if (fstat(target, &status) == 0) {
        writer = find(writers, &status);
        if (writer != NULL) {
            (void)close(target);
        } else {
            writer = make(writers, target, &status, name);
        }
    }
    if (writer == NULL) {
        int saved = errno;
        (void)close(target);
        errno = saved;
        return -1;
    }
    writer->users++;
    if (writer->pid == 0) {
        start(writers, writer);
    }
    int fd = writer->pid == 0 ? -1 : fcntl(writer->write_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        int saved = errno;
        log_writers_release(writer);
        errno = saved;
        return -1;
    }
    *used = writer;
    return fd;
}

void log_writers_release(struct log_writer *writer) {
    writer->users--;
    if (writer->users == 0) {
        (void)close(writer->target);
        (void)close(writer->read_fd);
        (void)close(writer->write_fd);
    }
}

// --- Losses ---

static void report_losses(const struct log_writers *writers, struct log_writer *writer,
                          struct log *log) {
    const struct report *report = report_of(writers, writer);
    int error = atomic_load(&report->error);
    uint64_t lost = atomic_load(&report->lost);
    if (error != 0 && !writer->is_failure_reported) {
        writer->is_failure_reported = true;
        log_warning(log, "log writer: cannot write to %s: %s; lines are lost", writer->name,
                    strerror(error));
    } else if (error == 0 && lost != writer->lost_reported) {
        log_warning(log, "log writer: %llu lines for %s were lost",
                    (unsigned long long)(lost - writer->lost_reported), writer->name);
        writer->is_failure_reported = false;
        writer->lost_reported = lost;
    }
}

void log_writers_report(struct log_writers *writers, struct log *log) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        if (writers->writers[i].users > 0) {
            report_losses(writers, &writers->writers[i], log);
        }
    }
}

uint64_t log_writers_lost(const struct log_writers *writers) {
    uint64_t lost = writers->lost;
    for (size_t i = 0; i < LOG_WRITER_COUNT && writers->reports.writable != NULL; i++) {
        lost += atomic_load(&report_of(writers, &writers->writers[i])->lost);
    }
    return lost;
}
