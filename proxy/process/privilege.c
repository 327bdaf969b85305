#include "process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum result fail(const struct config *config, char error[CONFIG_ERROR_SIZE],
                        const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum result fail(const struct config *config, char error[CONFIG_ERROR_SIZE],
                        const char *format, ...) {
    char line[16] = "";
    struct place place = config_place(config, config->user_line);
    if (config->user_line > 0) {
        (void)snprintf(line, sizeof(line), ":%d", place.line);
    }
    int used = snprintf(error, CONFIG_ERROR_SIZE, "%s%s: user: ", place.file, line);
    if (used > 0 && used < CONFIG_ERROR_SIZE) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error + used, CONFIG_ERROR_SIZE - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return RESULT_ERROR;
}

enum result privilege_find(const struct config *config, struct privilege *privilege,
                           char error[CONFIG_ERROR_SIZE]) {
    *privilege = (struct privilege){.change = false, .uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0) {
        return RESULT_OK;
    }
    const char *name = config->user;
    errno = 0;
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL && errno != 0) {
        return fail(config, error, "cannot look up \"%s\": %s", name, strerror(errno));
    }
    if (entry == NULL) {
        return fail(config, error, "there is no user '%s'", name);
    }
    if (entry->pw_uid == 0) {
        return fail(config, error, "\"%s\" is root, and no worker may be", name);
    }
    privilege->change = true;
    privilege->uid = entry->pw_uid;
    privilege->gid = entry->pw_gid;
    privilege->group_count = PRIVILEGE_GROUPS_MAX;
    if (getgrouplist(name, entry->pw_gid, privilege->groups, &privilege->group_count) < 0) {
        return fail(config, error, "\"%s\" is in more than %d groups", name, PRIVILEGE_GROUPS_MAX);
    }
    return RESULT_OK;
}

bool privilege_is_same(const struct config *a, const struct config *b) {
    return geteuid() != 0 || strcmp(a->user, b->user) == 0;
}

void privilege_seal_memory(void) {
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifdef RAVELIN_SANITIZE
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#else
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static bool drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           syscall(SYS_capset, &header, none) == 0;
}

enum result privilege_drop(const struct privilege *privilege, const char **why) {
    (void)umask(077);
    if (privilege->change) {
        *why = "setgroups";
        if (setgroups((size_t)privilege->group_count, privilege->groups) != 0) {
            return RESULT_ERROR;
        }
        *why = "setgid";
        if (setresgid(privilege->gid, privilege->gid, privilege->gid) != 0) {
            return RESULT_ERROR;
        }
        *why = "setuid";
        if (setresuid(privilege->uid, privilege->uid, privilege->uid) != 0) {
            return RESULT_ERROR;
        }
    }
    *why = "capset";
    if (!drop_capabilities()) {
        return RESULT_ERROR;
    }
    *why = "no_new_privs";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return RESULT_ERROR;
    }
    privilege_seal_memory();
    return RESULT_OK;
}

void privilege_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}
