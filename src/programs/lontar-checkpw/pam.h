/* A system user's password, by PAM. The only place that knows libpam. */
#ifndef LONTAR_CHECKPW_PAM_H
#define LONTAR_CHECKPW_PAM_H

#include "ipc/auth.h"

/* service: a file in /etc/pam.d. Root's password is never right here. LATER has been
 * logged. */
enum auth_verdict pam_verdict(const char *service, const char *user,
			      const char *password);

#endif
