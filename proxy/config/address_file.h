// Reads a list of addresses from a file, for allow-file and deny-file.
//
// Each line has one network (10.0.0.0/8, 2001:db8::/32) or IP address, in UTF-8 without control
// characters. Ignored are blanks around it, empty lines, and text after a # or a ;, so that
// published lists can be used as they are. At most ADDRESS_FILE_MAX addresses.
#ifndef RAVELIN_CONFIG_ADDRESS_FILE_H
#define RAVELIN_CONFIG_ADDRESS_FILE_H

#include "config/config.h"
#include "config/report.h"

#define ADDRESS_FILE_MAX 200000

// Reads file->path into file->set. The first fault goes to `report`, with the line of the list.
//   name, line  option that names the file, for a file that cannot be read
void address_file_read(struct config_address_file *file, const struct config_files *files,
                       const char *name, int line, struct report *report);

#endif
