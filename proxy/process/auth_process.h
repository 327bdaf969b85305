// The process that checks passwords for one worker: a loop over two sockets, like the signer's. The
// control socket (from the master, ipc.h) has priority. It brings bundles of users, and the data
// socket to the worker. Each login request on the data socket gets a response of users_judge(), one
// request at a time. A datagram of another size is dropped. A check takes up to a second of CPU
// time, so workers do not compute it.
//
// The process has no other output: all three standard streams are /dev/null. It opens no file and
// has no network. It exits when the master has exited.
#ifndef RAVELIN_PROCESS_AUTH_PROCESS_H
#define RAVELIN_PROCESS_AUTH_PROCESS_H

struct auth_start {
    int control;
};

// Prepares the process of a struct auth_start. NULL on failure.
void *auth_prepare(void *start);
// The loop, in the sandbox. Frees `auth` and returns the exit status.
int auth_run(void *auth);

#endif
