#include "config/key_file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Facts of mountinfo about the mount that has the file (proc_pid_mountinfo(5)).
struct mount {
    char point[PATH_MAX];
    bool is_memory; // tmpfs, ramfs
    bool is_part;   // of a file system: a bind mount of a file or a folder
    bool is_read_only;
};

// --- Folders ---

// The path of the open file, without symbolic links.
static bool resolve(int fd, char path[PATH_MAX]) {
    char link[32];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size <= 0) {
        return false;
    }
    path[size] = '\0';
    return path[0] == '/';
}

static bool is_closed_folder(const char *path, uid_t owner) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & S_IXOTH) == 0 &&
           (status.st_uid == 0 || status.st_uid == geteuid() || status.st_uid == owner);
}

// Whether a folder above the file cannot be entered by other users.
static bool find_closed_folder(const char *path, const struct stat *status,
                               char place[KEY_PLACE_SIZE]) {
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strrchr(folder, '/'); slash != NULL; slash = strrchr(folder, '/')) {
        slash[slash == folder ? 1 : 0] = '\0';
        if (is_closed_folder(folder, status->st_uid)) {
            (void)snprintf(place, KEY_PLACE_SIZE, "folder '%.400s'", folder);
            return true;
        }
        if (slash == folder) {
            break;
        }
    }
    return false;
}

// --- Mounts ---

static long mount_id(int fd) {
    char name[40];
    char line[128];
    long id = -1;
    (void)snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen(name, "re");
    while (file != NULL && id < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "mnt_id:", 7) == 0) {
            id = strtol(line + 7, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return id;
}

// mountinfo writes blanks and backslashes of a path as three octal digits.
static void unescape(const char *from, char to[PATH_MAX]) {
    size_t size = 0;
    while (*from != '\0' && size < PATH_MAX - 1) {
        bool is_escape = *from == '\\' && strspn(from + 1, "01234567") >= 3;
        if (is_escape) {
            to[size++] = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            to[size++] = *from++;
        }
    }
    to[size] = '\0';
}

// "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw". False: not mount `id`.
static bool read_line(char *line, long id, struct mount *mount) {
    char *words[5];
    char *rest = NULL;
    char *word = strtok_r(line, " ", &rest);
    for (size_t i = 0; i < 5; i++) {
        if (word == NULL) {
            return false;
        }
        words[i] = word;
        word = strtok_r(NULL, " ", &rest);
    }
    while (word != NULL && strcmp(word, "-") != 0) { // options and tags
        word = strtok_r(NULL, " ", &rest);
    }
    const char *type = strtok_r(NULL, " ", &rest);
    if (strtol(words[0], NULL, 10) != id || word == NULL || type == NULL) {
        return false;
    }
    mount->is_memory = strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0;
    mount->is_part = strcmp(words[3], "/") != 0;
    unescape(words[4], mount->point);
    return true;
}

static bool find_mount(int fd, struct mount *mount) {
    struct statvfs status;
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    long id = mount_id(fd);
    FILE *file = id < 0 ? NULL : fopen("/proc/self/mountinfo", "re");
    while (file != NULL && !found && getline(&line, &capacity, file) > 0) {
        found = read_line(line, id, mount);
    }
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
    found = found && fstatvfs(fd, &status) == 0;
    mount->is_read_only = found && (status.f_flag & ST_RDONLY) != 0;
    return found;
}

// Folders that every user of a system sees, for any mount there.
static bool is_shared_place(const char *point) {
    static const char *const places[] = {
        "/",     "/bin",  "/boot",  "/dev",      "/dev/shm",  "/etc",     "/gnu/store",
        "/home", "/lib",  "/lib64", "/media",    "/mnt",      "/nix",     "/nix/store",
        "/opt",  "/root", "/run",   "/run/lock", "/run/shm",  "/sbin",    "/srv",
        "/tmp",  "/usr",  "/var",   "/var/lib",  "/var/lock", "/var/run", "/var/tmp"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(point, places[i]) == 0) {
            return true;
        }
    }
    return strncmp(point, "/run/user/", 10) == 0 || strncmp(point, "/snap/", 6) == 0;
}

// Whether any user can replace a file in this folder. The mode of a new tmpfs, 1777, lets all users
// make files, but each can remove only his own.
static bool is_open_to_all(const char *path) {
    struct stat status;
    return stat(path, &status) != 0 || (status.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH;
}

// Whether the file is on a mount of its own, as secrets of containers are.
static bool find_own_mount(int fd, const char *path, char place[KEY_PLACE_SIZE]) {
    struct mount mount;
    char folder[PATH_MAX];
    if (!find_mount(fd, &mount) || is_shared_place(mount.point)) {
        return false;
    }
    if (mount.is_read_only && (mount.is_memory || mount.is_part)) {
        (void)snprintf(place, KEY_PLACE_SIZE, "read-only mount '%.400s'", mount.point);
        return true;
    }
    (void)snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    if (mount.is_memory && !is_open_to_all(mount.point) &&
        !is_open_to_all(folder[0] == '\0' ? "/" : folder)) {
        (void)snprintf(place, KEY_PLACE_SIZE, "tmpfs mount '%.400s'", mount.point);
        return true;
    }
    return false;
}

enum key_file key_file_judge(int fd, const struct stat *status, char place[KEY_PLACE_SIZE]) {
    char path[PATH_MAX];
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return KEY_FILE_CHANGEABLE;
    }
    if ((status->st_mode & S_IROTH) == 0) {
        return KEY_FILE_PRIVATE;
    }
    bool is_shielded =
        resolve(fd, path) && ((status->st_nlink == 1 && find_closed_folder(path, status, place)) ||
                              find_own_mount(fd, path, place));
    return is_shielded ? KEY_FILE_SHIELDED : KEY_FILE_EXPOSED;
}
