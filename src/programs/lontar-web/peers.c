#include "programs/lontar-web/peers.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "programs/lontar-web/request.h"

static bool on_auth_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct request *request = request_find(ctx, packet->tag);
	struct auth_permit permit;
	struct auth_result result;

	(void)peer;
	file_close(&fd);
	switch (packet->type) {
	case AUTH_PERMIT:
		if (!auth_permit_get(packet, &permit))
			return false;
		if (request)
			request_on_permit(request, &permit);
		return true;
	case AUTH_RESULT:
		if (!auth_result_get(packet, &result))
			return false;
		if (request)
			request_on_result(request, &result);
		return true;
	default:
		return false;
	}
}

static bool on_link_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct request *request = request_find(ctx, packet->tag);
	struct link_done done;
	bool is_done = packet->type == LINK_DONE && link_done_get(packet, &done);

	(void)peer;
	if (is_done && request)
		request_on_done(request, &done, fd);
	file_close(&fd);
	return is_done;
}

static void lose(struct web *web, const char *who)
{
	log_warning("%s is gone", who);
	web->exit_code = EX_TEMPFAIL;
	ev_break(web->service.loop, EVBREAK_ALL);
}

static void on_auth_closed(void *ctx, struct peer *peer)
{
	struct web *web = ctx;

	(void)peer;
	web->auth = NULL;
	lose(web, "lontar-auth");
}

static void on_link_closed(void *ctx, struct peer *peer)
{
	struct web *web = ctx;

	(void)peer;
	web->link = NULL;
	lose(web, "lontar-link");
}

static const struct peer_handler auth_handler = { on_auth_packet, on_auth_closed };
static const struct peer_handler link_handler = { on_link_packet, on_link_closed };

static struct peer *connect_to(struct web *web, const char *name,
			       const struct peer_handler *handler, struct err *err)
{
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	int fd = root_fd < 0 ? -1 : channel_connect(root_fd, name, err);

	return fd < 0 ? NULL : peer_open(web->service.loop, fd, handler, web);
}

bool peers_connect(struct web *web, struct err *err)
{
	web->auth = connect_to(web, "auth", &auth_handler, err);
	if (!web->auth)
		return false;
	web->link = connect_to(web, "link", &link_handler, err);
	return web->link != NULL;
}

void peers_close(struct web *web)
{
	peer_close(web->auth);
	peer_close(web->link);
	web->auth = web->link = NULL;
}

static void tell(struct peer *peer, struct buf *out)
{
	if (peer)
		peer_send(peer, out, -1);
	explicit_bzero(out->data, out->len);
}

void peers_hello(struct web *web, uint32_t tag, const char *ip)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	auth_hello_put(&out, tag, &(struct auth_hello){ span_of("web"), span_of(ip) });
	tell(web->auth, &out);
}

/* libmicrohttpd bounds both by its memory for a connection. */
void peers_login(struct web *web, uint32_t tag, const char *user, const char *password)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	auth_login_put(&out, tag,
		       &(struct auth_login){ span_of(user), span_of(password) });
	tell(web->auth, &out);
}

void peers_bye(struct web *web, uint32_t tag)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, AUTH_BYE, tag);
	tell(web->auth, &out);
}

void peers_status(struct web *web, uint32_t tag, const char *user)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	link_page_put(&out, tag, &(struct link_page){ span_of(user) });
	tell(web->link, &out);
}

void peers_ask(struct web *web, uint32_t tag, const char *user, const char *id,
	       const char *token)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	link_wish_put(&out, tag,
		      &(struct link_wish){ span_of(user), span_of(id), span_of(token) });
	tell(web->link, &out);
}
