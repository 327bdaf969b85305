// Finds valid options that are probably mistakes: words that other proxies expand, and Ravelin uses
// literally. A doubt is a warning. It never refuses a configuration.
#ifndef RAVELIN_CONFIG_DOUBTS_H
#define RAVELIN_CONFIG_DOUBTS_H

#include "config/config.h"
#include "config/report.h"

// Adds a warning for each variable in a set-header, and for each prefix of a route that ends with
// '*'. A set-header has the line of its route.
void doubts_find(const struct config *config, struct report *warnings);

#endif
