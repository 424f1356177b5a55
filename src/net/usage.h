/*
 * What a TCP connection costs where bytes are paid for: those of both directions, sent
 * again or not, with the headers of TCP and IP. What lies below IP (PPP, Ethernet) is not
 * counted, nor is what the kernel still keeps back.
 */
#ifndef NET_USAGE_H
#define NET_USAGE_H

#include <stdint.h>

/* Since it began to connect; 0 where the kernel does not tell. */
uint64_t usage_bytes(int fd);

#endif
