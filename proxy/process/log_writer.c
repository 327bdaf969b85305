#include "process/log_writer.h"

#include "base/printable.h"
#include "observe/sink.h"
#include "process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536, RETRY_MS = 50 };

struct copy {
    int from;
    int to;
};

static void pause_ms(long milliseconds) {
    const struct timespec time = {.tv_nsec = milliseconds * 1000000};
    (void)nanosleep(&time, NULL);
}

// --- In the log writer ---

// An error of the stream (a closed terminal, a pipe without a reader) drops these bytes only: the
// stream may accept later ones.
static void write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            pause_ms(RETRY_MS); // another program made it non-blocking
        } else if (written == 0 || errno != EINTR) {
            return;
        }
    }
}

// Writes the whole lines among the bytes; returns how many bytes these are.
static size_t write_lines(int fd, char *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t most = size - done < SINK_PIECE_MAX ? size - done : SINK_PIECE_MAX;
        char *end = memrchr(data + done, '\n', most);
        if (end == NULL && most < SINK_PIECE_MAX) {
            break;
        }
        size_t piece = end == NULL ? most : (size_t)(end - (data + done)) + 1;
        // A process that was taken over could have written anything into the pipe.
        printable_clean_bytes(data + done, piece, PRINTABLE_LINES);
        write_all(fd, data + done, piece);
        done += piece;
    }
    return done;
}

// Until no process holds the writing end of the pipe.
static int run_copy(void *argument) {
    const struct copy *copy = argument;
    static char buffer[BUFFER_SIZE];
    size_t used = 0;
    if (sandbox_enter(SANDBOX_SIGNER) != RESULT_OK) {
        return 1;
    }
    for (;;) {
        ssize_t size = read(copy->from, buffer + used, sizeof(buffer) - used);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            printable_clean_bytes(buffer, used, PRINTABLE_LINES);
            write_all(copy->to, buffer, used);
            return size < 0;
        }
        used += (size_t)size;
        size_t done = write_lines(copy->to, buffer, used);
        used -= done;
        memmove(buffer, buffer + done, used);
    }
}

// --- In the master ---

static void start(struct log_writers *writers, struct log_writer *writer) {
    struct copy copy = {writer->read_fd, writer->stream};
    const struct spawn spawn = {
        .name = "rav-log",
        .title = "ravelin: log writer",
        .privilege = writers->privilege,
        .keep = {writer->read_fd},
        .keep_count = 1,
        .run = run_copy,
        .argument = &copy,
    };
    pid_t pid = spawn_process(&spawn, writers->title);
    writer->pid = pid < 0 ? 0 : pid;
}

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

static struct log_writer *find(struct log_writers *writers, int stream) {
    struct log_writer *unused = NULL;
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        if (writers->writers[i].stream == stream) {
            return &writers->writers[i];
        }
        if (writers->writers[i].stream == 0) {
            unused = &writers->writers[i];
        }
    }
    return unused;
}

int log_writers_open(struct log_writers *writers, int stream) {
    struct log_writer *writer = find(writers, stream);
    if (writer->stream == 0) {
        if (!make_pipe(writer)) {
            return -1;
        }
        writer->stream = stream;
    }
    if (writer->pid == 0) {
        start(writers, writer);
    }
    return writer->pid == 0 ? -1 : fcntl(writer->write_fd, F_DUPFD_CLOEXEC, 0);
}

bool log_writers_note_death(struct log_writers *writers, pid_t pid) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        if (writers->writers[i].pid == pid) {
            writers->writers[i].pid = 0;
            return true;
        }
    }
    return false;
}

void log_writers_revive(struct log_writers *writers) {
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        struct log_writer *writer = &writers->writers[i];
        if (writer->stream != 0 && writer->pid == 0) {
            start(writers, writer);
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
        struct log_writer *writer = &writers->writers[i];
        if (writer->stream != 0) {
            (void)close(writer->write_fd);
            (void)close(writer->read_fd);
            wait_for_end(writer, &patience_ms);
            *writer = (struct log_writer){.pid = 0};
        }
    }
}
