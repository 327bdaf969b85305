#include "process/setup.h"

#include "base/reserve.h"
#include "process/privilege.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

// An opened descriptor must never take the number of a closed standard stream.
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
    // A log file at its size limit refuses lines, and no signal follows.
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGTTOU, SIG_IGN); // or a write to the terminal could stop every process
    (void)umask(027);               // log files are for the owner and its group
    privilege_seal_memory();
    // For the loops of all processes. Without address space for it, they use only the heap.
    (void)reserve_open();
    ev_set_allocator(reserve_realloc);
    return true;
}
