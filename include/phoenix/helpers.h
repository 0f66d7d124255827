/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file phoenix/helpers.h
 * Conveniences for plugin authors, header-only. Not part of the ABI: what is here compiles into the
 * plugin, and the host never sees it.
 */
#ifndef PHOENIX_HELPERS_H
#define PHOENIX_HELPERS_H
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <phoenix/plugin.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PHX_HELPER static inline __attribute__((unused))
#define PHX_HELPER_PRINTF(fmt, first) __attribute__((unused, format(printf, fmt, first)))
/** Longer lines are cut. */
#define PHX_HELPER_LINE 512

/** Text of a C string; NULL becomes "". */
PHX_HELPER phx_str phx_text(const char *z)
{
    phx_str s;
    s.p = z ? z : "";
    s.n = strlen(s.p);
    return s;
}

PHX_HELPER phx_str phx_vformat(char *line, size_t cap, const char *fmt, va_list ap)
{
    phx_str s;
    int n = vsnprintf(line, cap, fmt, ap);
    s.p = line;
    s.n = n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
    return s;
}

/** Log one line. */
static inline PHX_HELPER_PRINTF(3, 4) void phx_logf(const phx_host *host, uint32_t level, const char *fmt,
                                                    ...)
{
    char line[PHX_HELPER_LINE];
    va_list ap;
    va_start(ap, fmt);
    host->log(host, level, phx_vformat(line, sizeof line, fmt, ap));
    va_end(ap);
}

/** Say why, and return @p status: `return phx_failf(self->host, PHX_E_CONFIG, "k is %d", k);` */
static inline PHX_HELPER_PRINTF(3, 4) phx_status phx_failf(const phx_host *host, phx_status status,
                                                           const char *fmt, ...)
{
    char line[PHX_HELPER_LINE];
    va_list ap;
    va_start(ap, fmt);
    host->fail(host, status, phx_vformat(line, sizeof line, fmt, ap));
    va_end(ap);
    return status;
}

/** Put one word with C strings as key and value. */
PHX_HELPER phx_status phx_put(const phx_sink *out, const char *what, const char *key, const char *value)
{
    return out->put(out, what, phx_text(key), phx_text(value));
}

/** Put one word with a formatted value, which is cut at 511 bytes. */
static inline PHX_HELPER_PRINTF(4, 5) phx_status
    phx_putf(const phx_sink *out, const char *what, const char *key, const char *fmt, ...)
{
    char line[PHX_HELPER_LINE];
    va_list ap;
    va_start(ap, fmt);
    phx_str value = phx_vformat(line, sizeof line, fmt, ap);
    va_end(ap);
    return out->put(out, what, phx_text(key), value);
}

/** Config by dotted path, with the component's default for what is absent. A duration is read in ns. */
PHX_HELPER int64_t phx_cfg_int(const phx_host *host, const phx_cfg *cfg, const char *path, int64_t dflt)
{
    return host->cfg_int(cfg, path, dflt);
}
PHX_HELPER double phx_cfg_num(const phx_host *host, const phx_cfg *cfg, const char *path, double dflt)
{
    return host->cfg_num(cfg, path, dflt);
}
/** Lives until destroy. */
PHX_HELPER const char *phx_cfg_str(const phx_host *host, const phx_cfg *cfg, const char *path,
                                   const char *dflt)
{
    return host->cfg_str(cfg, path, dflt);
}

/** The host's loop and lanes, or NULL. */
PHX_HELPER const phx_loop *phx_host_loop(const phx_host *host)
{
    return (const phx_loop *)host->iface(host, PHX_LOOP);
}
PHX_HELPER const phx_work *phx_host_work(const phx_host *host)
{
    return (const phx_work *)host->iface(host, PHX_WORK);
}

#ifdef __cplusplus
}
#endif
#endif
