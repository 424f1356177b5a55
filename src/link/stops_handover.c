/*
 * What a process that sends to one mail host notes of letters, until the holder of the
 * smarthost's lock has it: spool/state/stops/NAME@HOST. The smarthost's own file has one
 * writer, and several such processes run at once.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "link/stops.h"

#define NAME_LEN (NAME_MAX - 20) /* a new file's name is longer */

/* A host comes from the DNS: one that would be no file name hands nothing over. */
static bool name_of(const char *smarthost, const char *host, char name_out[NAME_LEN])
{
	int len = snprintf(name_out, NAME_LEN, "%s@%s", smarthost, host);

	return len > 0 && len < NAME_LEN && !strchr(host, '/');
}

static void keep_only(struct stops *stops, bool (*is_kept)(const struct stop *stop))
{
	size_t kept = 0;

	for (size_t i = 0; i < stops->count; i++)
		if (is_kept(&stops->items[i]))
			stops->items[kept++] = stops->items[i];
	stops->count = kept;
}

static bool is_unclear(const struct stop *stop)
{
	return strcmp(stop->scope, "unclear") == 0;
}

static bool is_handed_over(const struct stop *stop)
{
	return is_unclear(stop) || (strcmp(stop->scope, "person") == 0 && stop->key[0]);
}

void stops_read_for_host(int root_fd, const char *smarthost, struct stops *stops_out)
{
	stops_read(root_fd, smarthost, stops_out);
	keep_only(stops_out, is_unclear);
}

bool stops_hand_over(int root_fd, const char *smarthost, const char *host,
		     struct stops *stops, struct err *err)
{
	char name[NAME_LEN];

	keep_only(stops, is_handed_over);
	return !name_of(smarthost, host, name) || stops_write(root_fd, name, stops, err);
}

void stops_take_over(int root_fd, const char *smarthost, const char *host,
		     struct stops *stops)
{
	static const struct stops none = { 0 };
	struct stops handed;
	struct err ignored;
	char name[NAME_LEN];

	if (!name_of(smarthost, host, name))
		return;
	stops_read(root_fd, name, &handed);
	for (size_t i = 0; i < handed.count; i++)
		stops_replace(stops, &handed.items[i]);
	if (handed.count)
		(void)!stops_write(root_fd, name, &none, &ignored);
	stops_clear(&handed);
}
