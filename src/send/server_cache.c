#include "send/server_cache.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/resolve.h"

#define TICKET_FILE_MAX 20000
/* Older addresses may be those of another server by now: they are asked for first. */
#define ADDRESSES_OLD_S 604800

static void ticket_path(const struct server_cache *cache, char path_out[120])
{
	snprintf(path_out, 120, "spool/state/tickets/%s",
		 cache->outbound->smarthost.name);
}

/* A session was verified for one server and by one set of certificates: its file says
 * which, and is of no use for another. */
static bool put_head(const struct server_cache *cache, struct buf *out)
{
	const struct smarthost *smarthost = &cache->outbound->smarthost;
	const char *cafile = smarthost->cafile ? smarthost->cafile : "";
	struct stat st = { 0 };

	if (cafile[0] && fstatat(cache->outbound->control_fd, cafile, &st, 0) != 0)
		st.st_mtime = 0;
	return buf_appendf(out, "%s %u %d %s %" PRId64 "\n", smarthost->host,
			   (unsigned)smarthost->port, (int)smarthost->tls, cafile,
			   (int64_t)st.st_mtime);
}

static bool has_tickets(const struct server_cache *cache)
{
	return cache->outbound->smarthost.tls == SMARTHOST_TLS_STARTTLS ||
	       cache->outbound->smarthost.tls == SMARTHOST_TLS_IMPLICIT;
}

/* A torn or missing file is a lost hint. */
static void read_ticket(struct server_cache *cache)
{
	AUTO_BUF file = BUF_INIT(TICKET_FILE_MAX);
	AUTO_BUF head = BUF_INIT(2048);
	struct err ignored;
	char path[120];
	bool found;

	ticket_path(cache, path);
	if (!has_tickets(cache) || !put_head(cache, &head) ||
	    !buf_reserve(&file, TICKET_FILE_MAX) ||
	    !file_read_if_any(cache->outbound->root_fd, path, &file, &found, &ignored) ||
	    !found)
		return;
	if (file.len > head.len && memcmp(file.data, head.data, head.len) == 0 &&
	    !buf_append(&cache->ticket, file.data + head.len, file.len - head.len))
		buf_reset(&cache->ticket);
	explicit_bzero(file.data, file.len);
}

static void write_ticket(const struct server_cache *cache)
{
	AUTO_BUF file = BUF_INIT(TICKET_FILE_MAX);
	struct err err = { 0 };
	char path[120];

	ticket_path(cache, path);
	if (!buf_reserve(&file, TICKET_FILE_MAX) || !put_head(cache, &file) ||
	    !buf_append_span(&file, buf_span(&cache->ticket)))
		return;
	if (!file_make_dir(cache->outbound->root_fd, "spool/state/tickets", 0700, &err) ||
	    !file_replace(cache->outbound->root_fd, path, file.data, file.len, 0600,
			  &err))
		log_failure(&err);
	explicit_bzero(file.data, file.len);
}

static bool is_number(const char *host)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, host, &ignored) == 1 ||
	       inet_pton(AF_INET6, host, &ignored) == 1;
}

static void note_addresses(struct server_cache *cache, const char *addresses)
{
	struct smarthost_note *note = &cache->outbound->note;

	/* Those that do not fit whole are asked for again. */
	if (is_number(cache->outbound->smarthost.host) ||
	    strlen(addresses) >= sizeof(note->addresses) ||
	    strlen(cache->outbound->smarthost.host) >= sizeof(note->host))
		return;
	snprintf(note->addresses, sizeof(note->addresses), "%s", addresses);
	snprintf(note->host, sizeof(note->host), "%s", cache->outbound->smarthost.host);
}

static void on_refreshed(void *ctx, const char *addresses, const struct err *err)
{
	struct server_cache *cache = ctx;
	bool is_same;

	if (!addresses) {
		log_info("flush smarthost=%s addresses=remembered reason=%s",
			 cache->outbound->smarthost.name, err->text);
		return;
	}
	is_same = strcmp(addresses, cache->outbound->note.addresses) == 0;
	note_addresses(cache, addresses);
	if (!is_same)
		cache->on_moved(cache->ctx);
}

void server_cache_recall(struct server_cache *cache, struct ev_loop *loop,
			 const struct server_cache_way *way)
{
	const struct smarthost_note *note = &cache->outbound->note;

	cache->ticket = BUF_INIT(TICKET_FILE_MAX);
	read_ticket(cache);
	/* In MX mode the addresses are the ones that were just asked for. */
	if (cache->outbound->job) {
		cache->are_known = true;
		return;
	}
	cache->are_known = note->addresses[0] &&
			   strcmp(note->host, cache->outbound->smarthost.host) == 0 &&
			   clock_wall_s() - note->last_success < ADDRESSES_OLD_S;
	if (cache->are_known)
		cache->refresh =
			resolve_start(loop, cache->outbound->smarthost.host,
				      &(struct resolve_way){ .servers = way->name_servers,
							     .bind_to = way->bind_to },
				      on_refreshed, cache);
}

const char *server_cache_addresses(const struct server_cache *cache)
{
	return cache->are_known ? cache->outbound->note.addresses : NULL;
}

void server_cache_forget(struct server_cache *cache)
{
	cache->are_known = false;
}

void server_cache_learn(struct server_cache *cache, const struct dial *dial)
{
	struct span ticket = dial_ticket(dial);

	if (dial_addresses(dial)[0])
		note_addresses(cache, dial_addresses(dial));
	if (!has_tickets(cache) || !ticket.len)
		return;
	buf_reset(&cache->ticket);
	cache->has_new_ticket = buf_append_span(&cache->ticket, ticket);
}

void server_cache_keep(struct server_cache *cache)
{
	resolve_close(cache->refresh);
	cache->refresh = NULL;
	if (cache->has_new_ticket)
		write_ticket(cache);
	cache->has_new_ticket = false;
	if (cache->ticket.len)
		explicit_bzero(cache->ticket.data, cache->ticket.len);
	buf_clear(&cache->ticket);
}
