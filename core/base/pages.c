/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One range of addresses. A page of it that is given is kept for the next one, or, when enough are kept,
 * returned to the system, which makes it zero again. When the range is used up, or is not to be had, pages
 * come from the heap; so they do where a checker watches over the heap.
 */
#include "core/base/pages.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "core/base/mem.h"

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_WATCHED true
#elif __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define IS_WATCHED (RUNNING_ON_VALGRIND != 0)
#else
#define IS_WATCHED false
#endif

/* 128 MiB of addresses; 2 MiB are kept while they are needed: a batch of the store takes hundreds. */
enum { RANGE_PAGES = 32768, KEPT_MAX = 512 };
#define RANGE_BYTES ((size_t)RANGE_PAGES * PAGE_BYTES)

static struct {
    pthread_mutex_t lock;
    bool is_set_up;
    char *range;                    /* NULL: there is none */
    uint32_t n_fresh;               /* pages from here on were never taken */
    uint32_t n_kept, n_returned;
    uint32_t n_idle;                /* the least n_kept since the last trim: so many nobody needed */
    uint16_t kept[KEPT_MAX], returned[RANGE_PAGES];
} pages = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void set_up(void)
{
    pages.is_set_up = true;
    if (IS_WATCHED)
        return;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *p = mmap(NULL, RANGE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return;
    (void)madvise(p, RANGE_BYTES, MADV_NOHUGEPAGE); /* else one page takes the memory of 512 */
    pages.range = p;
}

/* With the lock held. */
static void *take(void)
{
    uint32_t i;
    if (!pages.is_set_up)
        set_up();
    if (!pages.range)
        return NULL;
    if (pages.n_kept > 0) {
        i = pages.kept[--pages.n_kept];
        pages.n_idle = pages.n_idle < pages.n_kept ? pages.n_idle : pages.n_kept;
    } else if (pages.n_returned > 0) {
        i = pages.returned[--pages.n_returned];
    } else if (pages.n_fresh < RANGE_PAGES) {
        i = pages.n_fresh++;
    } else {
        return NULL;
    }
    return pages.range + (size_t)i * PAGE_BYTES;
}

void *page_take(void)
{
    pthread_mutex_lock(&pages.lock);
    void *p = take();
    pthread_mutex_unlock(&pages.lock);
    return p ? p : mem_alloc(PAGE_BYTES);
}

/* To the system, with the lock held. A page that it does not take is lost: it may not be zero. */
static void give_back(uint16_t i)
{
    if (madvise(pages.range + (size_t)i * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED) == 0)
        pages.returned[pages.n_returned++] = i;
}

void page_give(void *page, size_t used)
{
    uintptr_t at = (uintptr_t)page - (uintptr_t)pages.range;
    if (!pages.range || at >= RANGE_BYTES) {
        free(page);
        return;
    }
    pthread_mutex_lock(&pages.lock);
    uint16_t i = (uint16_t)(at / PAGE_BYTES);
    if (pages.n_kept < KEPT_MAX) {
        memset(page, 0, used);
        pages.kept[pages.n_kept++] = i;
    } else {
        give_back(i);
    }
    pthread_mutex_unlock(&pages.lock);
}

void pages_trim(void)
{
    pthread_mutex_lock(&pages.lock);
    for (uint32_t n = (pages.n_idle + 1) / 2; n > 0; n--)
        give_back(pages.kept[--pages.n_kept]);
    pages.n_idle = pages.n_kept;
    pthread_mutex_unlock(&pages.lock);
}

size_t pages_kept(void)
{
    pthread_mutex_lock(&pages.lock);
    size_t n = pages.n_kept;
    pthread_mutex_unlock(&pages.lock);
    return n;
}
