/* lontar link, without words: the links, and when the gateway calls them. */
#ifndef PROGRAMS_LONTAR_LINK_SHOW_H
#define PROGRAMS_LONTAR_LINK_SHOW_H

#include "programs/lontar/command.h"

bool link_show(const struct command_context *context, struct err *err) MUST_USE;

#endif
