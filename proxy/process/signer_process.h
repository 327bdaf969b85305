// The signer's process: a loop over two sockets. The control socket (from the master, ipc.h) has
// priority. It brings bundles of keys, and the data socket to its worker. Sign requests on the data
// socket are executed by signer_sign(), one at a time. The responses to one datagram are sent
// together, unless signing takes long. A datagram that does not have 1 to SIGN_BATCH_MAX requests
// is dropped. The process has no other output: all three standard streams are /dev/null. It exits
// when the master has exited.
#ifndef RAVELIN_PROCESS_SIGNER_PROCESS_H
#define RAVELIN_PROCESS_SIGNER_PROCESS_H

struct signer_start {
    int control;
};

// Prepares the signer of a struct signer_start: initialises wolfSSL, because the sandbox forbids
// it. NULL on failure.
void *signer_prepare(void *start);
// The loop, in the sandbox. Frees `signer` and returns the exit status.
int signer_run(void *signer);

#endif
