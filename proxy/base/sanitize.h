// KEEP_SPARES: 1, but 0 under AddressSanitizer. There, freed objects are not kept for reuse, so
// that AddressSanitizer reports every use after free.
#ifndef RAVELIN_BASE_SANITIZE_H
#define RAVELIN_BASE_SANITIZE_H

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_SPARES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_SPARES 0
#endif
#endif
#ifndef KEEP_SPARES
#define KEEP_SPARES 1
#endif

#endif
