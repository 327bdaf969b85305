// The signer's process: a plain loop over two sockets. Control (from the master, ipc.h) goes first:
// bundles of keys, and the data socket to the worker it signs for. On the data socket it answers
// sign requests with signer_sign(), one at a time, the answers to those of one datagram together
// unless signing takes long; a datagram of another size than 1 to SIGN_BATCH_MAX requests is
// dropped. It says nothing to anybody else: all three standard streams are /dev/null. It ends when
// the master is gone.
#ifndef RAVELIN_PROCESS_SIGNER_PROCESS_H
#define RAVELIN_PROCESS_SIGNER_PROCESS_H

struct signer_start {
    int control;
};

// Makes the signer of a struct signer_start: the library, which the sandbox does not allow to
// start. NULL on failure.
void *signer_prepare(void *start);
// Its life, in the sandbox. Frees it and returns the exit status.
int signer_run(void *signer);

#endif
