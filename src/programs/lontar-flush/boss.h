/* lontar-link, or `lontar flush`, at the other end of PRIVATE_FD (ipc/link.h). */
#ifndef LONTAR_FLUSH_BOSS_H
#define LONTAR_FLUSH_BOSS_H

#include "programs/lontar-flush/flush.h"

/* Listens, where PRIVATE_FD is a socket; a flush started by hand has none. */
void boss_open(struct flush *flush);
void boss_tell_progress(struct flush *flush);
void boss_tell_idle(struct flush *flush);
/* New routes moved mail to this smarthost: it wants a flush of its own. */
void boss_tell_moved(struct flush *flush, const char *smarthost);
/* The last word: how it ended. Waits until it is written. */
void boss_tell_done(struct flush *flush, int exit_code, const char *text);

#endif
