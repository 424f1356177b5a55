/* lontar-link, or `lontar pickup`, at the other end of PRIVATE_FD (ipc/link.h). */
#ifndef LONTAR_PICKUP_BOSS_H
#define LONTAR_PICKUP_BOSS_H

#include "programs/lontar-pickup/pickup.h"

/* Listens, where PRIVATE_FD is a socket; a pickup started by hand has none. */
void boss_open(struct work *work);
void boss_tell_progress(struct work *work);
/* The last word: how it ended. */
void boss_tell_done(struct work *work, int exit_code, const char *text);

#endif
