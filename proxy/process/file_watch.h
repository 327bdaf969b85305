// Tells when files may have changed (inotify), by whatever way: written in place, renamed over,
// deleted and made again, or put elsewhere by a symbolic link anywhere in their path, as certbot
// and Kubernetes do.
//
// Every path is walked component by component, links included, as the kernel would walk it. In each
// folder on the way the name of the next component is watched, and at the end the file itself
// (which may be written through another name). A folder that comes, goes or is replaced is so
// noticed in its parent. What is noticed is a possibility: who owns the watch looks at the files'
// content, and makes a new watch before it looks, since the way may have changed.
//
// Not noticed: changes on the other side of a network file system, writes through mmap(), and a
// file system that is mounted over a folder.
//
// No waiting, no timers: file_watch_fd() is readable when file_watch_read() should be called.
#ifndef RAVELIN_PROCESS_FILE_WATCH_H
#define RAVELIN_PROCESS_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_WATCH_PROBLEM_SIZE 256

struct file_watch;

// `paths` are absolute. NULL when nothing can be watched; what cannot be watched beside others is
// only told: then, and only then, `problem` is not empty. Missing files are no problem.
struct file_watch *file_watch_new(const char *const *paths, size_t count,
                                  char problem[FILE_WATCH_PROBLEM_SIZE]);
void file_watch_free(struct file_watch *watch); // NULL is fine
int file_watch_fd(const struct file_watch *watch);
// Takes what has happened so far. True: a file that is watched may have changed.
bool file_watch_read(struct file_watch *watch);

#endif
