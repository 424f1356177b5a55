/* The names in a folder of the old system. */
#ifndef IMPORT_NAMES_H
#define IMPORT_NAMES_H

#include "base/attr.h"
#include "base/err.h"
#include "control/settings_list.h"

/* Sorted, without "." and "..". what: the folder, for the err. */
bool names_in(int folder_fd, const char *what, struct settings_list *names_out,
	      struct err *err) MUST_USE;

#endif
