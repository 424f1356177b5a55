/* One request: its login by lontar-auth, what lontar-link knows, and the answer. */
#ifndef LONTAR_WEB_REQUEST_H
#define LONTAR_WEB_REQUEST_H

#include "control/accounts.h"
#include "ipc/auth.h"
#include "ipc/link.h"
#include "net/listener.h"
#include "programs/lontar-web/web.h"

enum request_page {
	PAGE_STATUS,
	PAGE_JSON,
	PAGE_METRICS,
	PAGE_ASK, /* fetch this large message: ?id=ID&token=TOKEN */
};

struct request {
	struct request *next;
	struct web *web;
	struct MHD_Connection *connection;
	uint32_t tag; /* of what we ask the peers */
	enum request_page page;
	bool greeted;   /* lontar-auth knows of it, and is told of its end */
	bool suspended; /* waits for a peer */
	bool asked;     /* its peers have been, or need not be: the answer is there */
	char ip[LISTENER_ADDRESS_MAX];
	char user[ACCOUNT_NAME_MAX];
	size_t body_bytes;
	unsigned status;
	struct MHD_Response *response;
};

/* libmicrohttpd's call-backs; ctx: the struct web. */
enum MHD_Result request_handle(void *ctx, struct MHD_Connection *connection,
			       const char *url, const char *method, const char *version,
			       const char *upload, size_t *upload_size, void **request);
void request_completed(void *ctx, struct MHD_Connection *connection, void **request,
		       enum MHD_RequestTerminationCode how);

/* What the peers say. fd stays the caller's. */
struct request *request_find(const struct web *web, uint32_t tag);
void request_on_permit(struct request *request, const struct auth_permit *permit);
void request_on_result(struct request *request, const struct auth_result *result);
void request_on_done(struct request *request, const struct link_done *done, int fd);

/* The program ends: none of them waits any longer. */
void requests_resume_all(struct web *web);

#endif
