#include "send/mx_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mail/address.h"
#include "net/mx.h"
#include "send/outgoing.h"

#define PLAN_MAX    ((size_t)32 * 1024 * 1024)
#define PIECE_BYTES 65536

struct words {
	char **items; /* sorted, within the plan */
	size_t count;
};

struct mx_job {
	struct buf plan; /* the texts below are in it */
	const char *host;
	const char *addresses;
	struct words domains; /* lower case */
	struct words messages;
};

bool mx_job_put_host(struct buf *out, const struct mx_host *host)
{
	return buf_appendf(out, "%s\n%s\n", host->name, host->addresses);
}

bool mx_job_put_domain(struct buf *out, const char *domain)
{
	return buf_appendf(out, "d%s\n", domain);
}

bool mx_job_put_message(struct buf *out, const char *id)
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

static bool parse(struct mx_job *job, struct err *err)
{
	char *at = job->plan.data, *line;

	job->host = next_line(&at);
	job->addresses = next_line(&at);
	if (!job->host || !job->addresses)
		return err_exit(err, EX_USAGE, "stdin does not say where to send");
	while ((line = next_line(&at)))
		add(line[0] == 'd' ? &job->domains : &job->messages, line + 1);
	qsort(job->domains.items, job->domains.count, sizeof(char *), compare);
	qsort(job->messages.items, job->messages.count, sizeof(char *), compare);
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

struct mx_job *mx_job_read(struct err *err)
{
	struct mx_job *job = must_alloc(sizeof(*job));

	job->plan = BUF_INIT(PLAN_MAX);
	if (read_stdin(&job->plan, err) && parse(job, err))
		return job;
	mx_job_free(job);
	return NULL;
}

void mx_job_free(struct mx_job *job)
{
	if (!job)
		return;
	free(job->domains.items);
	free(job->messages.items);
	buf_clear(&job->plan);
	free(job);
}

const char *mx_job_host(const struct mx_job *job)
{
	return job->host;
}

const char *mx_job_addresses(const struct mx_job *job)
{
	return job->addresses;
}

bool mx_job_has(const struct mx_job *job, const char *id)
{
	return has(&job->messages, id);
}

static void leave_out(struct outgoing *message, size_t i)
{
	message->more = true;
	message->count--;
	for (; i < message->count; i++) {
		message->recipients[i] = message->recipients[i + 1];
		message->unsettled[i] = message->unsettled[i + 1];
	}
}

void mx_job_limit(const struct mx_job *job, struct outgoing *message)
{
	for (size_t i = message->count; i-- > 0;)
		if (!has(&job->domains, address_domain(message->recipients[i])))
			leave_out(message, i);
}

void mx_job_limit_to(const char *domain, struct outgoing *message)
{
	for (size_t i = message->count; i-- > 0;)
		if (strcasecmp(domain, address_domain(message->recipients[i])) != 0)
			leave_out(message, i);
}
