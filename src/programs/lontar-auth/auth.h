/* What the parts of lontar-auth share. */
#ifndef LONTAR_AUTH_H
#define LONTAR_AUTH_H

#include <sys/types.h>

#include "control/settings.h"
#include "control/stale.h"
#include "ipc/auth.h"
#include "ipc/service.h"
#include "net/remotes.h"

struct login_queue; /* login.h */

struct auth {
	struct service service;
	struct remotes *remotes;
	struct login_queue *logins;
	int control_fd;
	struct settings settings;
	struct stale_watch stale;
	int64_t refreshed_ms; /* when the settings were last looked at */
	uid_t workers_uid; /* besides root and ourselves, who may ask: session workers */
	uid_t web_uid;     /* and lontar-web */
	int64_t told_ms;   /* when a refusal was last logged, and ... */
	unsigned told_nothing; /* ... how many went unlogged since */
};

#endif
