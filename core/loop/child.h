/* SPDX-License-Identifier: Apache-2.0 */
/** @file child.h
 * Child processes: own session and process group, followed by pidfd, limits set before exec. [loop]
 */
#ifndef PHOENIX_LOOP_CHILD_H
#define PHOENIX_LOOP_CHILD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "core/loop/loop.h"

enum { CHILD_FDS = 4 };
/** What to run. Everything is borrowed until child_spawn() returns. */
struct child_spec {
    const char *path;         /**< absolute */
    const char *const *argv;  /**< NULL-terminated, argv[0] included; never a shell */
    const char *const *envp;  /**< the whole environment; NULL-terminated */
    const char *cwd;          /**< NULL: "/" */
    int stdin_fd, stdout_fd, stderr_fd; /**< -1: /dev/null */
    int more_fds[CHILD_FDS];  /**< the child has them as 3 and on; all others are closed in it */
    unsigned n_more_fds;
    uint64_t max_memory;      /**< RLIMIT_AS in bytes, 0: none */
    uint64_t max_cpu_s;       /**< RLIMIT_CPU, 0: none */
    uint64_t max_files;       /**< RLIMIT_NOFILE, soft and hard, at most what is hard now; 0: 1024 */
    bool dies_with_parent;    /**< PR_SET_PDEATHSIG(SIGKILL): load generators, never collectors */
    int nice;
};
struct child_exit {
    bool known;  /**< false for an adopted process: it was not our child, only its end was seen */
    int code;    /**< exit status, -1 if killed by a signal */
    int signo;   /**< 0 if it exited */
};
struct child;
typedef void child_exit_fn(void *arg, const struct child_exit *how);

/**
 * Fork and exec. A failed exec is reported here, not as an exit: the error says which step failed.
 * no_new_privs, core size 0 and umask 077 are always set; all other descriptors are closed.
 * @param on_exit Once, on the loop, when the process has ended (all of its group may not have).
 */
struct child *child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn *on_exit, void *arg,
                          struct err *err);
/** Follow a process that an earlier run of this program started. @p start_ticks as
 *  child_start_ticks() told; refused (NOTFOUND) if that process is gone or is another one. */
struct child *child_adopt(struct loop *l, pid_t pid, uint64_t start_ticks, child_exit_fn *on_exit, void *arg,
                          struct err *err);
pid_t child_pid(const struct child *c);
/** Field 22 of /proc/PID/stat: with the boot id this names the process for ever. */
uint64_t child_start_ticks(const struct child *c);
/** Send to the whole process group. False if the process has ended. */
bool child_signal(struct child *c, int signo);
/** Stop following; the process goes on. NULL allowed; safe inside on_exit. */
void child_free(struct child *c);
/** The kernel's id of this boot; empty if unreadable. Static. */
const char *boot_id(void);
#endif
