// The process that orders certificates (config/acme.h). It decides which certificate must be
// ordered, runs the ACME client (acme/client.h), checks the new certificate (acme/receipt.h), and
// stores it where the master's reader finds it. The master notices the new file and reloads
// (auto_reload.h).
//
// The process uses the network and has no key of a site. It can read the requests, and read and
// write the folder `work`, which has the account. Landlock (landlock.h) denies all other files,
// except programs and the files that a program needs to reach and verify a CA. It cannot run
// programs of that folder. If the kernel has no Landlock, the keys are protected only if the
// process has another user than the master, which requires a master that is root.
//
// One certificate is ordered at a time. After a failure, an order is tried again later
// (acme/schedule.h); other certificates do not wait for it. All results are on disk: if the process
// dies, the next one uses the expiry dates of the certificates on disk. A reload replaces the list
// of names, and keeps the times of the next tries.
#ifndef RAVELIN_PROCESS_ACME_PROCESS_H
#define RAVELIN_PROCESS_ACME_PROCESS_H

#include "config/config.h"

struct acme_start {
    int control; // the child's end of the socket to the master
    const struct config *config;
};

// The two functions of the process: see spawn.h.
void *acme_prepare(void *start);
int acme_run(void *prepared);

#endif
