#include "process/setup.h"

#include "base/reserve.h"
#include "process/privilege.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

// A descriptor of ours must never take the place of a standard stream that is closed.
static bool open_standard_streams(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

bool setup_process(void) {
    if (!open_standard_streams()) {
        return false;
    }
    (void)prctl(PR_SET_NAME, "rav-master", 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); // a log file at the limit of its size refuses lines, no more
    (void)signal(SIGTTOU, SIG_IGN); // or a write to the terminal could stop every process
    (void)umask(027);               // log files are for the owner and its group
    privilege_seal_memory();
    // For the loops of all processes. Without address space for it they have the heap alone.
    (void)reserve_open();
    ev_set_allocator(reserve_realloc);
    return true;
}
