#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "send/mx_private.h"

/* As qmail's tcpto: a host that could not be reached twice, in different minutes, is left
 * out for about an hour. */
#define FAILURES_MIN 2
#define APART_S      120
#define LEFT_OUT_S   3600
#define FILE_MAX     ((size_t)256 * 1024)
#define FOLDER       "spool/state/dead"

static bool has_address(const char *addresses, const char *number)
{
	struct span rest = span_of(addresses), one;

	while (span_cut(&rest, ',', &one))
		if (span_is(one, number))
			return true;
	return false;
}

static bool is_interface(const char *addresses, const struct sockaddr *address)
{
	char number[INET6_ADDRSTRLEN] = "";

	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET,
			  &((const struct sockaddr_in *)(const void *)address)->sin_addr,
			  number, sizeof(number));
	else if (address && address->sa_family == AF_INET6)
		inet_ntop(
			AF_INET6,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			number, sizeof(number));
	return number[0] && has_address(addresses, number);
}

/* By name or by address: what is sent there comes back. */
static bool is_ourselves(const struct settings *settings, const struct mx_host *host)
{
	struct ifaddrs *all = NULL;
	bool found = strcasecmp(host->name, settings->me) == 0 ||
		     routes_is_local(settings, host->name) ||
		     has_address(host->addresses, "0.0.0.0") ||
		     has_address(host->addresses, "::");

	if (found || getifaddrs(&all) != 0)
		return found;
	for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next)
		found = is_interface(host->addresses, at->ifa_addr);
	freeifaddrs(all);
	return found;
}

/* RFC 5321 5.1: only hosts that are better than we are. */
size_t mx_hosts_before_us(const struct settings *settings, const struct mx_host *hosts,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_ourselves(settings, &hosts[i]))
			continue;
		while (i > 0 && hosts[i - 1].preference == hosts[i].preference)
			i--;
		return i;
	}
	return count;
}

static struct unreachable_host *find(const struct mx_delivery *delivery, const char *name)
{
	struct unreachable_host *at = delivery->dead;

	while (at && strcmp(at->name, name) != 0)
		at = at->next;
	return at;
}

const struct unreachable_host *unreachable_find(const struct mx_delivery *delivery,
						const char *name)
{
	const struct unreachable_host *dead = find(delivery, name);

	return dead && dead->left_out ? dead : NULL;
}

static struct unreachable_host *add(struct mx_delivery *delivery, struct span name)
{
	struct unreachable_host *dead = must_alloc(sizeof(*dead));

	*dead = (struct unreachable_host){ .next = delivery->dead };
	dead->name = must_alloc(name.len + 1);
	memcpy(dead->name, name.at, name.len);
	delivery->dead = dead;
	return dead;
}

void unreachable_add(struct mx_delivery *delivery, const char *name,
		     const struct err *err)
{
	struct unreachable_host *dead = find(delivery, name);
	int64_t now = clock_wall_s();

	if (!dead)
		dead = add(delivery, span_of(name));
	if (now - dead->last >= APART_S)
		dead->failures++;
	dead->last = dead->since = now;
	dead->left_out = true;
	dead->err = *err;
}

static void drop(struct unreachable_host **at)
{
	struct unreachable_host *dead = *at;

	*at = dead->next;
	free(dead->name);
	free(dead);
}

void unreachable_remove(struct mx_delivery *delivery, const char *name)
{
	for (struct unreachable_host **at = &delivery->dead; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0) {
			drop(at);
			return;
		}
}

void unreachable_forget_old(struct mx_delivery *delivery)
{
	int64_t now = clock_wall_s();

	for (struct unreachable_host *at = delivery->dead; at; at = at->next)
		if (now - at->since >= MX_KNOWN_S)
			at->left_out = false;
}

void unreachable_clear(struct mx_delivery *delivery)
{
	while (delivery->dead)
		drop(&delivery->dead);
}

static void path_of(const struct mx_delivery *delivery, char path_out[120])
{
	snprintf(path_out, 120, FOLDER "/%s",
		 parked_smarthost(delivery->setup.outbound->parked));
}

/* line = host SP failures SP time */
static void read_line(struct mx_delivery *delivery, struct span line)
{
	int64_t now = clock_wall_s();
	struct unreachable_host *dead;
	struct span name, failures;
	uint64_t count, last;

	if (!span_cut(&line, ' ', &name) || !name.len ||
	    !span_cut(&line, ' ', &failures) || !number_parse(failures, 1000, &count) ||
	    !line.at || !number_parse(line, INT64_MAX, &last) || (int64_t)last > now ||
	    now - (int64_t)last >= LEFT_OUT_S)
		return;
	dead = add(delivery, name);
	dead->failures = (unsigned)count;
	dead->last = (int64_t)last;
	dead->since = now;
	dead->left_out = count >= FAILURES_MIN;
	err_temporary(&dead->err, "4.4.1",
		      "%s could not be reached lately and is not tried for now",
		      dead->name);
}

void unreachable_read(struct mx_delivery *delivery)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);
	struct span rest, line;
	struct err ignored;
	char path[120];
	bool found;

	path_of(delivery, path);
	if (!file_read_if_any(delivery->setup.outbound->root_fd, path, &text, &found,
			      &ignored) ||
	    !found)
		return;
	rest = buf_span(&text);
	while (span_cut(&rest, '\n', &line))
		read_line(delivery, line);
}

/* A hint: one that is lost costs a host another try. */
void unreachable_write(const struct mx_delivery *delivery)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);
	int root_fd = delivery->setup.outbound->root_fd;
	struct err err = { 0 };
	char path[120];

	path_of(delivery, path);
	if (!delivery->dead) {
		unlinkat(root_fd, path, 0);
		return;
	}
	for (const struct unreachable_host *at = delivery->dead; at; at = at->next)
		if (!buf_appendf(&text, "%s %u %" PRId64 "\n", at->name, at->failures,
				 at->last))
			break;
	if (!file_make_dir(root_fd, FOLDER, 0750, &err) ||
	    !file_replace(root_fd, path, text.data, text.len, 0640, &err))
		log_failure(&err);
}
