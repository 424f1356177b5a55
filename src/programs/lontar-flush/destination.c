#include "programs/lontar-flush/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mail/address.h"
#include "net/mx.h"
#include "programs/lontar-flush/flush.h"

#define PLAN_MAX    ((size_t)32 * 1024 * 1024)
#define PIECE_BYTES 65536

struct words {
	char **items; /* sorted, within the plan */
	size_t count;
};

struct destination {
	struct buf plan;
	struct words domains; /* lower case */
	struct words messages;
};

bool destination_put_host(struct buf *out, const struct mx_host *host)
{
	return buf_appendf(out, "%s\n%s\n", host->name, host->addresses);
}

bool destination_put_domain(struct buf *out, const char *domain)
{
	return buf_appendf(out, "d%s\n", domain);
}

bool destination_put_message(struct buf *out, const char *id)
{
	return buf_appendf(out, "m%s\n", id);
}

static int compare(const void *one, const void *other)
{
	return strcasecmp(*(char *const *)one, *(char *const *)other);
}

static bool has(const struct words *words, const char *word)
{
	return bsearch(&word, words->items, words->count, sizeof(word), compare) != NULL;
}

static void add(struct words *words, char *word)
{
	if (words->count % 256 == 0)
		words->items =
			must_resize(words->items, words->count + 256, sizeof(word));
	words->items[words->count++] = word;
}

/* Cuts the first line off *at; NULL: none is left. */
static char *next_line(char **at)
{
	char *line = *at, *end = line ? strchr(line, '\n') : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

static bool parse(struct flush *flush, struct destination *destination, struct err *err)
{
	char *at = destination->plan.data, *line;
	char *host = next_line(&at), *addresses = next_line(&at);

	if (!host || !addresses || strlen(addresses) >= sizeof(flush->note.addresses) ||
	    strlen(host) >= sizeof(flush->note.host))
		return err_exit(err, EX_USAGE, "stdin does not say where to send");
	free(flush->smarthost.host);
	flush->smarthost.host = must_copy(host);
	snprintf(flush->note.host, sizeof(flush->note.host), "%s", host);
	snprintf(flush->note.addresses, sizeof(flush->note.addresses), "%s", addresses);
	while ((line = next_line(&at)))
		add(line[0] == 'd' ? &destination->domains : &destination->messages,
		    line + 1);
	qsort(destination->domains.items, destination->domains.count, sizeof(char *),
	      compare);
	qsort(destination->messages.items, destination->messages.count, sizeof(char *),
	      compare);
	return true;
}

static bool read_stdin(struct buf *plan, struct err *err)
{
	char *room;
	ssize_t got = 1;

	while (got > 0) {
		room = buf_reserve(plan, PIECE_BYTES);
		if (!room)
			return err_exit(err, EX_USAGE, "stdin says too much");
		got = read(STDIN_FILENO, room, PIECE_BYTES);
		if (got > 0)
			buf_wrote(plan, (size_t)got);
	}
	return got == 0 || err_errno(err, "read what to send");
}

bool destination_read(struct flush *flush, struct err *err)
{
	struct destination *destination = must_alloc(sizeof(*destination));

	flush->destination = destination;
	destination->plan = BUF_INIT(PLAN_MAX);
	if (!read_stdin(&destination->plan, err))
		return false;
	flush->lanes.limit = 1;
	flush->server.known = true;
	return parse(flush, destination, err);
}

void destination_free(struct destination *destination)
{
	if (!destination)
		return;
	free(destination->domains.items);
	free(destination->messages.items);
	buf_clear(&destination->plan);
	free(destination);
}

bool destination_has(const struct destination *destination, const char *id)
{
	return has(&destination->messages, id);
}

static void leave_out(struct mail *mail, size_t i)
{
	mail->more = true;
	mail->count--;
	for (; i < mail->count; i++) {
		mail->recipients[i] = mail->recipients[i + 1];
		mail->unsettled[i] = mail->unsettled[i + 1];
	}
}

void destination_limit(const struct destination *destination, struct mail *mail)
{
	for (size_t i = mail->count; i-- > 0;)
		if (!has(&destination->domains, address_domain(mail->recipients[i])))
			leave_out(mail, i);
}

void destination_limit_to(const char *domain, struct mail *mail)
{
	for (size_t i = mail->count; i-- > 0;)
		if (strcasecmp(domain, address_domain(mail->recipients[i])) != 0)
			leave_out(mail, i);
}
