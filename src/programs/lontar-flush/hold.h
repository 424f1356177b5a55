/* What a flush that was refused leaves behind: a stop of its smarthost (link/stops.h). */
#ifndef LONTAR_FLUSH_HOLD_H
#define LONTAR_FLUSH_HOLD_H

struct flush;

/* At the end of a flush, with the lock held: the stop is put and told, or, if the server
 * took us, removed. */
void hold_note(struct flush *flush);

#endif
