// The status page: page.html, which is embedded in the program.
//
// The page has one script and one style, and loads only /status.json. Its Content-Security-Policy
// has the SHA-256 of both, so that no other script runs there, whatever a host name or an event
// contains.
#ifndef RAVELIN_MONITOR_PAGE_H
#define RAVELIN_MONITOR_PAGE_H

#include "base/slice.h"

#define PAGE_POLICY_SIZE 512
#define PAGE_DIGEST_TEXT_SIZE 65

struct slice page_html(void);
struct slice page_script(void); // the text between the tags
struct slice page_style(void);
// Writes the header field Content-Security-Policy, with its CRLF. The digests have 64 hexadecimal
// digits each.
void page_write_policy(const char script[PAGE_DIGEST_TEXT_SIZE],
                       const char style[PAGE_DIGEST_TEXT_SIZE], char policy[PAGE_POLICY_SIZE]);

#endif
