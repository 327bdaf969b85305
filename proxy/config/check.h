// What can be checked only when the whole text was read.
#ifndef RAVELIN_CONFIG_CHECK_H
#define RAVELIN_CONFIG_CHECK_H

#include "config/config.h"
#include "config/report.h"

// Finds the backend of every route, and puts the routes of every site in the order in which they
// are tried. Faults go to `report`.
void check_config(struct config *config, struct report *report);

#endif
