/* Writing what is carried over into the gateway's control folder: added to what is there,
 * never instead of what somebody has written there since. */
#ifndef IMPORT_TARGET_H
#define IMPORT_TARGET_H

#include <sys/types.h>

#include "import/import.h"

/* Lines for a list: those that are missing are added. Of a keyed list a key that is there
 * with another value stays as it is. In a new gateway the list becomes these lines. */
bool target_list(struct import *import, const char *name,
		 const struct settings_list *lines, bool keyed, struct err *err) MUST_USE;

/* The one value of a setting; where another one is set, that stays. */
bool target_value(struct import *import, const char *name, const char *value,
		  struct err *err) MUST_USE;

/* A whole text, behind the comment that the file may begin with. Another text that is
 * there stays, unless the gateway is new. */
bool target_text(struct import *import, const char *name, struct span text, mode_t mode,
		 struct err *err) MUST_USE;

#endif
