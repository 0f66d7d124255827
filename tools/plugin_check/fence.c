/* SPDX-License-Identifier: Apache-2.0 */
/* Lent memory that bites: one element too far, a write, or a use after the call is a SIGSEGV, on a
 * release build and without a sanitizer. */
#include "config.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tools/plugin_check/check.h"

void fence_make(struct fence *f, const void *bytes, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (n + page - 1) / page * page;
    f->bytes = n;
    f->map_bytes = body + page;
    f->map = mmap(NULL, f->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->map == MAP_FAILED) {
        trial_skip("no memory for fenced pages");
    }
    f->data = f->map + body - n;
    if (n) {
        memcpy(f->data, bytes, n);
    }
    mprotect(f->map, body, PROT_READ);
    mprotect(f->map + body, page, PROT_NONE);
}

void fence_burn(struct fence *f)
{
    mprotect(f->map, f->map_bytes, PROT_NONE);
}

void fence_free(struct fence *f)
{
    munmap(f->map, f->map_bytes);
}
