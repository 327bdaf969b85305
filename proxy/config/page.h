// The checks of the pages that a configuration has for responses of Ravelin itself.
#ifndef RAVELIN_CONFIG_PAGE_H
#define RAVELIN_CONFIG_PAGE_H

#include "config/config.h"
#include "config/report.h"

// Checks the page of a route, or that of an error-page, and sets its media type if the file has
// none. Faults go to `report`.
void page_check_route(struct config_route *route, struct report *report);
void page_check_error(struct config_error_page *error_page, struct report *report);

#endif
