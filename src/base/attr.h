/* The compiler attributes and small macros used everywhere, each spelled once. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define AUTO(cleanup_fn)  __attribute__((cleanup(cleanup_fn)))
#define UNUSED            __attribute__((unused))
#define LENGTH(array)     (sizeof(array) / sizeof((array)[0]))

#endif
