/* SPDX-License-Identifier: Apache-2.0 */
/* A name is checked twice: as text when the load is made, for a sentence that helps; and as the address that
 * it resolved to whenever a connection is made, because only that is certain. */
#include "plugins/otlpgen/endpoint.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char PATH[] = "/v1/metrics";

static bool listed(const char *targets, const char *host)
{
    size_t n = strlen(host);
    for (const char *at = targets; at && *at;) {
        size_t length = strcspn(at, ",");
        if (length == 1 && *at == '*') return true;
        if (length == n && !strncasecmp(at, host, n)) return true;
        at += length + (at[length] == ',');
    }
    return false;
}

static bool named_loopback(const char *host)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (!strcasecmp(host, "localhost")) return true;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) return endpoint_is_loopback((struct sockaddr *)&v4);
    return inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 && endpoint_is_loopback((struct sockaddr *)&v6);
}

bool endpoint_is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* "/v1/metrics" after the base, unless it is there already. */
static bool write_url(CURLU *u, const char *path, char *out, size_t n)
{
    char whole[256];
    size_t length = strlen(path), own = sizeof PATH - 1;
    while (length && path[length - 1] == '/') length--;
    if (length + sizeof PATH > sizeof whole) return false;
    bool has = length >= own && !strncmp(path + length - own, PATH, own);
    (void)snprintf(whole, sizeof whole, "%.*s%s", (int)length, path, has ? "" : PATH);
    char *url = NULL;
    bool ok = !curl_url_set(u, CURLUPART_PATH, whole, 0) && !curl_url_get(u, CURLUPART_URL, &url, 0) &&
              strlen(url) < n;
    if (ok) memcpy(out, url, strlen(url) + 1);
    curl_free(url);
    return ok;
}

static const char *judge(CURLU *u, const char *base, const char *targets, struct endpoint *ret)
{
    char *scheme = NULL, *host = NULL, *user = NULL, *path = NULL, *query = NULL;
    const char *fault = NULL;
    if (curl_url_set(u, CURLUPART_URL, base, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) || curl_url_get(u, CURLUPART_PATH, &path, 0))
        fault = "is no URL such as http://127.0.0.1:4318";
    else if (strcmp(scheme, "http") && strcmp(scheme, "https"))
        fault = "begins with neither http:// nor https://";
    else if (!curl_url_get(u, CURLUPART_USER, &user, 0) || !curl_url_get(u, CURLUPART_QUERY, &query, 0))
        fault = "has a user or a query, and may have none";
    else {
        size_t n = strlen(host);
        if (n > 2 && host[0] == '[') { /* an address of IPv6 */
            host[n - 1] = 0;
            memmove(host, host + 1, n - 1);
        }
        ret->anywhere = listed(targets, host);
        if (!ret->anywhere && !named_loopback(host))
            fault = "is not on this host; the host's operator allows others in agent.load.targets";
        else if (!write_url(u, path, ret->url, sizeof ret->url)) fault = "is too long";
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(path);
    curl_free(query);
    return fault;
}

bool endpoint_parse(const char *base, const char *targets, struct endpoint *ret, char *why, size_t n_why)
{
    CURLU *u = curl_url();
    *ret = (struct endpoint){ 0 };
    const char *fault = u ? judge(u, base, targets, ret) : "could not be read: out of memory";
    curl_url_cleanup(u);
    if (fault) (void)snprintf(why, n_why, "the endpoint \"%.200s\" %s", base, fault);
    return !fault;
}
