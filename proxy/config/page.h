// Checks the pages of a configuration, for responses that Ravelin generates.
#ifndef RAVELIN_CONFIG_PAGE_H
#define RAVELIN_CONFIG_PAGE_H

#include "config/config.h"
#include "config/report.h"

// Checks the page of a route, or of an error-page. Sets its media type if the file sets none.
// Faults are added to `report`.
void page_check_route(struct config_route *route, struct report *report);
void page_check_error(struct config_error_page *error_page, struct report *report);

#endif
