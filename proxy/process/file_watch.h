// Reports possible changes of files (inotify): written in place, replaced by rename, deleted and
// made again, or replaced by a symbolic link anywhere in their path, as certbot and Kubernetes do.
//
// Every path is walked component by component, links included, as in the kernel. In each folder on
// the path, the name of the next component is watched. At the end, the file itself is watched,
// because it may be written through another name. So a folder that is made, removed or replaced is
// noticed in its parent. An event only means that a file may have changed. The owner then makes a
// new watch, because the path may have changed, and reads the files after that.
//
// Not noticed are: changes on the other side of a network file system, writes through mmap(), and a
// file system that is mounted over a folder.
//
// Never waits and has no timer: call file_watch_read() when file_watch_fd() is readable.
#ifndef RAVELIN_PROCESS_FILE_WATCH_H
#define RAVELIN_PROCESS_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_WATCH_PROBLEM_SIZE 256

struct file_watch;

// Watches files. `paths` are absolute, and files may be missing. NULL: nothing can be watched.
// `problem` is empty unless a file cannot be watched; it is set in both cases.
struct file_watch *file_watch_new(const char *const *paths, size_t count,
                                  char problem[FILE_WATCH_PROBLEM_SIZE]);
void file_watch_free(struct file_watch *watch); // NULL is allowed
int file_watch_fd(const struct file_watch *watch);
// Reads the events. True: a watched file may have changed.
bool file_watch_read(struct file_watch *watch);

#endif
