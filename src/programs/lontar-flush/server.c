#include "programs/lontar-flush/server.h"

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
#include "programs/lontar-flush/flush.h"

#define TICKET_FILE_MAX 20000
/* Older addresses may be somebody else's by now: they are asked for first. */
#define ADDRESSES_OLD_S 604800

static void ticket_path(const struct flush *flush, char path_out[120])
{
	snprintf(path_out, 120, "spool/state/tickets/%s", flush->smarthost.name);
}

/* A session was verified for one server and by one set of certificates: its file says
 * which, and is of no use for another. */
static bool put_head(const struct flush *flush, struct buf *out)
{
	const struct smarthost *smarthost = &flush->smarthost;
	const char *cafile = smarthost->cafile ? smarthost->cafile : "";
	struct stat st = { 0 };

	if (cafile[0] && fstatat(flush->control_fd, cafile, &st, 0) != 0)
		st.st_mtime = 0;
	return buf_appendf(out, "%s %u %d %s %" PRId64 "\n", smarthost->host,
			   (unsigned)smarthost->port, (int)smarthost->tls, cafile,
			   (int64_t)st.st_mtime);
}

static bool has_tickets(const struct flush *flush)
{
	return flush->smarthost.tls == SMARTHOST_TLS_STARTTLS ||
	       flush->smarthost.tls == SMARTHOST_TLS_IMPLICIT;
}

/* A torn or missing file is a lost hint. */
static void read_ticket(struct flush *flush)
{
	AUTO_BUF file = BUF_INIT(TICKET_FILE_MAX);
	AUTO_BUF head = BUF_INIT(2048);
	struct server *server = &flush->server;
	struct err ignored;
	char path[120];
	bool found;

	ticket_path(flush, path);
	if (!has_tickets(flush) || !put_head(flush, &head) ||
	    !buf_reserve(&file, TICKET_FILE_MAX) ||
	    !file_read_if_any(flush->root_fd, path, &file, &found, &ignored) || !found)
		return;
	if (file.len > head.len && memcmp(file.data, head.data, head.len) == 0 &&
	    !buf_append(&server->ticket, file.data + head.len, file.len - head.len))
		buf_reset(&server->ticket);
	explicit_bzero(file.data, file.len);
}

static void write_ticket(const struct flush *flush)
{
	AUTO_BUF file = BUF_INIT(TICKET_FILE_MAX);
	struct err err = { 0 };
	char path[120];

	ticket_path(flush, path);
	if (!buf_reserve(&file, TICKET_FILE_MAX) || !put_head(flush, &file) ||
	    !buf_append_span(&file, buf_span(&flush->server.ticket)))
		return;
	if (!file_make_dir(flush->root_fd, "spool/state/tickets", 0700, &err) ||
	    !file_replace(flush->root_fd, path, file.data, file.len, 0600, &err))
		log_failure(&err);
	explicit_bzero(file.data, file.len);
}

static bool is_number(const char *host)
{
	struct in6_addr ignored;

	return inet_pton(AF_INET, host, &ignored) == 1 ||
	       inet_pton(AF_INET6, host, &ignored) == 1;
}

static void note_addresses(struct flush *flush, const char *addresses)
{
	struct smarthost_note *note = &flush->note;

	/* Those that do not fit whole are asked for again. */
	if (is_number(flush->smarthost.host) ||
	    strlen(addresses) >= sizeof(note->addresses) ||
	    strlen(flush->smarthost.host) >= sizeof(note->host))
		return;
	snprintf(note->addresses, sizeof(note->addresses), "%s", addresses);
	snprintf(note->host, sizeof(note->host), "%s", flush->smarthost.host);
}

static void on_refreshed(void *ctx, const char *addresses, const struct err *err)
{
	struct flush *flush = ctx;
	bool same;

	if (!addresses) {
		log_info("flush smarthost=%s addresses=remembered reason=%s",
			 flush->smarthost.name, err->text);
		return;
	}
	same = strcmp(addresses, flush->note.addresses) == 0;
	note_addresses(flush, addresses);
	/* Nobody has answered at the old ones so far. */
	if (!same && !flush->connected)
		lanes_redial(flush);
}

void server_recall(struct flush *flush)
{
	struct server *server = &flush->server;
	const struct smarthost_note *note = &flush->note;

	server->ticket = BUF_INIT(TICKET_FILE_MAX);
	read_ticket(flush);
	server->known = note->addresses[0] &&
			strcmp(note->host, flush->smarthost.host) == 0 &&
			clock_wall_s() - note->last_success < ADDRESSES_OLD_S;
	/* Of type mx the addresses are the ones that were just asked for. */
	server->known = server->known || flush->destination;
	if (server->known && !flush->destination)
		server->refresh = resolve_start(
			flush->loop, flush->smarthost.host,
			&(struct resolve_way){ .servers = flush->lanes.link.dns,
					       .bind_to = flush->lanes.bind_to },
			on_refreshed, flush);
}

const char *server_addresses(const struct flush *flush)
{
	return flush->server.known ? flush->note.addresses : NULL;
}

void server_forget_addresses(struct flush *flush)
{
	flush->server.known = false;
}

void server_learn(struct flush *flush, const struct dial *dial)
{
	struct span ticket = dial_ticket(dial);

	if (dial_addresses(dial)[0])
		note_addresses(flush, dial_addresses(dial));
	if (!has_tickets(flush) || !ticket.len)
		return;
	buf_reset(&flush->server.ticket);
	flush->server.learnt = buf_append_span(&flush->server.ticket, ticket);
}

void server_keep(struct flush *flush)
{
	struct server *server = &flush->server;

	resolve_close(server->refresh);
	server->refresh = NULL;
	if (server->learnt)
		write_ticket(flush);
	server->learnt = false;
	if (server->ticket.len)
		explicit_bzero(server->ticket.data, server->ticket.len);
	buf_clear(&server->ticket);
}
