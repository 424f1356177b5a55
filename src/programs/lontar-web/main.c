/*
 * lontar-web: the status page, for the listener "web" of control/listen.
 */
#include <signal.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "programs/lontar-web/peers.h"
#include "programs/lontar-web/web.h"

static bool begin(struct web *web, struct err *err)
{
	return service_begin(&web->service, err) && peers_connect(web, err) &&
	       web_open(web, err) && sandbox_enter(err);
}

int main(void)
{
	static struct web web;
	struct err err = { 0 };

	log_open("lontar-web");
	signal(SIGPIPE, SIG_IGN);
	web.service.ctx = &web;
	if (!begin(&web, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&web.service);
	web_close(&web);
	peers_close(&web);
	return web.exit_code;
}
