// The process that orders certificates (config/acme.h): it decides when one is due, runs the ACME
// client (acme/client.h), and puts a certificate that it has judged (acme/receipt.h) where the
// reader of the master finds it. The master notices the new file and reloads (auto_reload.h).
//
// It talks to the network, and has no key of a site: it can read the requests, and read and write
// the folder `work`, where the account is. Its fence (landlock.h) shuts it out of all other files
// but programs, and those that a program needs to find and trust an authority. Where the kernel has
// no Landlock, and the master is not root, only the file modes keep it from keys.
//
// One certificate is ordered at a time. One that fails is tried again later (acme/schedule.h), and
// the others do not wait for it. What is done is on disk: after a death, the next process goes on
// with the terms of the certificates that are there. A reload replaces the list of names, and keeps
// when each is tried again.
#ifndef RAVELIN_PROCESS_ACME_PROCESS_H
#define RAVELIN_PROCESS_ACME_PROCESS_H

#include "config/config.h"

struct acme_start {
    int control; // the child's end of the socket to the master
    const struct config *config;
};

// The two halves of the process: see spawn.h.
void *acme_prepare(void *start);
int acme_run(void *prepared);

#endif
