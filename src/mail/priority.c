#include "mail/priority.h"

#include <stddef.h>

const char *const priority_words[] = {
	[PRIORITY_NORMAL] = "normal",
	[PRIORITY_HIGH] = "high",
	[PRIORITY_URGENT] = "urgent",
	[PRIORITY_URGENT + 1] = NULL,
};
