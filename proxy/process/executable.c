#include "process/executable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_this_program(const char *path) {
    struct stat named;
    struct stat own;
    return stat(path, &named) == 0 && stat("/proc/self/exe", &own) == 0 &&
           named.st_dev == own.st_dev && named.st_ino == own.st_ino;
}

// Joins a folder and a name. False: the path is too long, or leads to another program.
static bool try_folder(const char *folder, size_t size, const char *name, char path[PATH_MAX]) {
    int written = snprintf(path, PATH_MAX, "%.*s/%s", (int)size, folder, name);
    return written > 0 && written < PATH_MAX && is_this_program(path);
}

static bool find_in_folder(const char *name, char path[PATH_MAX]) {
    char folder[PATH_MAX];
    return getcwd(folder, sizeof(folder)) != NULL && try_folder(folder, strlen(folder), name, path);
}

static bool find_in_path(const char *name, char path[PATH_MAX]) {
    const char *folders = getenv("PATH");
    while (folders != NULL && *folders != '\0') {
        size_t size = strcspn(folders, ":");
        if (folders[0] == '/' && try_folder(folders, size, name, path)) {
            return true;
        }
        folders += size + (folders[size] == ':');
    }
    return false;
}

static bool find_named(const char *name, char path[PATH_MAX]) {
    if (name[0] == '/') {
        return try_folder("", 0, name + 1, path);
    }
    return strchr(name, '/') != NULL ? find_in_folder(name, path) : find_in_path(name, path);
}

void executable_find(const char *name, char path[PATH_MAX]) {
    if (find_named(name, path)) {
        return;
    }
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
}

bool executable_check(const char *path, char why[EXECUTABLE_TEXT_SIZE]) {
    struct stat status;
    if (path[0] == '\0') {
        (void)snprintf(why, EXECUTABLE_TEXT_SIZE, "the path of the executable is not known");
    } else if (stat(path, &status) != 0) {
        (void)snprintf(why, EXECUTABLE_TEXT_SIZE, "executable %s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0) {
        (void)snprintf(why, EXECUTABLE_TEXT_SIZE, "executable %s: not a file that can be executed",
                       path);
    } else if ((status.st_mode & S_IWOTH) != 0) {
        (void)snprintf(why, EXECUTABLE_TEXT_SIZE,
                       "executable %s: any local user can write it; run chmod o-w", path);
    } else {
        return true;
    }
    return false;
}
