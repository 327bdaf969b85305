// What the kernel says about a mapping of this process (/proc/self/smaps).
#ifndef RAVELIN_TESTS_SMAPS_H
#define RAVELIN_TESTS_SMAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// True when the mapping that holds `address` has this two-letter flag: "dd" is not dumped, "dc" is
// not copied on fork, "lo" is locked, "sh" is shared.
static inline bool mapping_has_flag(const void *address, const char *flag) {
    FILE *file = fopen("/proc/self/smaps", "re");
    if (file == NULL) {
        return false;
    }
    char line[1024];
    bool here = false, found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *dash, *blank;
        const unsigned long start = strtoul(line, &dash, 16), end = strtoul(dash + 1, &blank, 16);
        if (*dash == '-' && *blank == ' ') { // "7f00-7f01 rw-p ...": the first line of a mapping
            here = start <= (uintptr_t)address && (uintptr_t)address < end;
        } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
            char wanted[8];
            snprintf(wanted, sizeof(wanted), " %s ", flag);
            found = strstr(line, wanted) != NULL;
            here = false;
        }
    }
    fclose(file);
    return found;
}

#endif
