#include "programs/lontar-web/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "programs/lontar-web/page.h"
#include "programs/lontar-web/peers.h"

#define BODY_MAX 4096

struct request *request_find(const struct web *web, uint32_t tag)
{
	struct request *request = web->first;

	while (request && request->tag != tag)
		request = request->next;
	return request;
}

static struct request *request_new(struct web *web, struct MHD_Connection *connection)
{
	struct request *request = must_alloc(sizeof(*request));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	request->web = web;
	request->connection = connection;
	request->tag = ++web->last_tag;
	listener_remote(info ? info->connect_fd : -1, request->ip);
	request->next = web->first;
	web->first = request;
	return request;
}

void request_completed(void *ctx, struct MHD_Connection *connection, void **request,
		       enum MHD_RequestTerminationCode how)
{
	struct web *web = ctx;
	struct request *gone = *request, **at = &web->first;

	(void)connection;
	(void)how;
	if (!gone)
		return;
	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	if (gone->greeted)
		peers_bye(web, gone->tag);
	if (gone->response)
		MHD_destroy_response(gone->response);
	free(gone);
	*request = NULL;
}

/* The answer stands; whoever waited for it goes on. */
static void answer(struct request *request, unsigned status,
		   struct MHD_Response *response)
{
	request->status = status;
	request->response = response;
	request->asked = true;
	if (!request->suspended)
		return;
	request->suspended = false;
	MHD_resume_connection(request->connection);
	web_go_on(request->web);
}

static void refuse(struct request *request, unsigned status, const char *text)
{
	answer(request, status, page_words(text));
}

void requests_resume_all(struct web *web)
{
	for (struct request *at = web->first; at; at = at->next)
		if (at->suspended)
			refuse(at, MHD_HTTP_SERVICE_UNAVAILABLE,
			       "The gateway is going down. Try again in a minute.");
	if (web->daemon)
		MHD_run(web->daemon);
}

/* What is not there, or not so, is answered at once. */
static void find_page(struct request *request, const char *url, const char *method)
{
	static const struct {
		const char *method, *url;
		enum request_page page;
	} pages[] = {
		{ "GET", "/", PAGE_STATUS },
		{ "GET", "/status.json", PAGE_JSON },
		{ "GET", "/metrics", PAGE_METRICS },
		{ "POST", "/fetch", PAGE_ASK },
	};

	for (size_t i = 0; i < LENGTH(pages); i++) {
		if (strcmp(url, pages[i].url) != 0)
			continue;
		request->page = pages[i].page;
		if (strcmp(method, pages[i].method) != 0)
			refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED,
			       "This page is not used in this way.");
		return;
	}
	refuse(request, MHD_HTTP_NOT_FOUND, "There is no such page.");
}

static enum MHD_Result begin(struct web *web, struct MHD_Connection *connection,
			     const char *url, const char *method, void **out)
{
	struct request *request = request_new(web, connection);

	*out = request;
	find_page(request, url, method);
	return MHD_YES;
}

/* What is sent with a request is not needed; a little of it does no harm. */
static enum MHD_Result skip_body(struct request *request, size_t *upload_size)
{
	request->body_bytes += *upload_size;
	*upload_size = 0;
	return request->body_bytes <= BODY_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result send_answer(struct request *request)
{
	if (request->status == MHD_HTTP_UNAUTHORIZED)
		return MHD_queue_basic_auth_fail_response(request->connection,
							  "Lontar: your mail account",
							  request->response);
	return MHD_queue_response(request->connection, request->status,
				  request->response);
}

/* The name and the password are asked for again at the moment that they are used. */
static bool has_login(struct request *request)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(request->connection, &password);
	bool has = user && password;

	MHD_free(user);
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(password);
	return has;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the library's */
enum MHD_Result request_handle(void *ctx, struct MHD_Connection *connection,
			       const char *url, const char *method, const char *version,
			       const char *upload, size_t *upload_size, void **at)
{
	struct web *web = ctx;
	struct request *request = *at;

	(void)version;
	(void)upload;
	if (!request)
		return begin(web, connection, url, method, at);
	if (*upload_size)
		return skip_body(request, upload_size);
	if (!request->asked && !has_login(request))
		refuse(request, MHD_HTTP_UNAUTHORIZED,
		       "Log in with your mail account's name and password.");
	if (request->asked)
		return send_answer(request);
	request->suspended = true;
	MHD_suspend_connection(connection);
	request->greeted = true;
	peers_hello(web, request->tag, request->ip);
	return MHD_YES;
}

void request_on_permit(struct request *request, const struct auth_permit *permit)
{
	char *user, *password = NULL;

	if (permit->verdict != AUTH_YES) {
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "The gateway does not serve you now: too many connections or wrong "
		       "passwords. Try again in some minutes.");
		return;
	}
	if (!permit->plain_logins) {
		refuse(request, MHD_HTTP_FORBIDDEN,
		       "Passwords are taken here from the office's own network only (see "
		       "control/plainnets).");
		return;
	}
	user = MHD_basic_auth_get_username_password(request->connection, &password);
	if (user && password)
		peers_login(request->web, request->tag, user, password);
	else
		refuse(request, MHD_HTTP_UNAUTHORIZED, "Log in.");
	if (password)
		explicit_bzero(password, strlen(password));
	MHD_free(user);
	MHD_free(password);
}

static const char *argument(const struct request *request, const char *name)
{
	const char *value = MHD_lookup_connection_value(request->connection,
							MHD_GET_ARGUMENT_KIND, name);

	return value ? value : "";
}

void request_on_result(struct request *request, const struct auth_result *result)
{
	if (result->verdict == AUTH_LATER) {
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "Your password cannot be checked now. Try again in a minute.");
		return;
	}
	if (result->verdict != AUTH_YES ||
	    !packet_text_copy(result->user, request->user, sizeof(request->user))) {
		refuse(request, MHD_HTTP_UNAUTHORIZED, "Wrong name or password.");
		return;
	}
	if (request->page == PAGE_ASK)
		peers_ask(request->web, request->tag, request->user,
			  argument(request, "id"), argument(request, "token"));
	else
		peers_status(request->web, request->tag, request->user);
}

void request_on_done(struct request *request, const struct link_done *done, int fd)
{
	char text[512];

	snprintf(text, sizeof(text), "%.*s", SPAN_ARG(done->text));
	if (done->exit_code == EX_NOINPUT) {
		refuse(request, MHD_HTTP_NOT_FOUND, text);
	} else if (done->exit_code) {
		log_warning("web user=%s error=%s", request->user, text);
		refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	} else if (request->page == PAGE_ASK) {
		log_info("web user=%s asks=%s", request->user, argument(request, "id"));
		answer(request, MHD_HTTP_SEE_OTHER, page_go_back());
	} else {
		answer(request, MHD_HTTP_OK, page_of(request->page, request->user, fd));
	}
}
