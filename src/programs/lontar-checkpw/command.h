/* A checkpassword program: what djb's interface asks of who calls it. */
#ifndef LONTAR_CHECKPW_COMMAND_H
#define LONTAR_CHECKPW_COMMAND_H

#include "ipc/auth.h"

/* command: words separated by blanks; no shell reads them. LATER has been logged. */
enum auth_verdict command_verdict(const char *command, const char *user,
				  const char *password);

#endif
