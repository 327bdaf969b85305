// The checks that need the whole configuration. No I/O.
#ifndef RAVELIN_CONFIG_CHECK_H
#define RAVELIN_CONFIG_CHECK_H

#include "config/config.h"
#include "config/report.h"

// Finds the backend of every route, and sorts the routes of every site, longest prefix first.
// Faults go to `report`.
void check_config(struct config *config, struct report *report);

#endif
