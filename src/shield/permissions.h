// permissions.h: what the EPCM permits on each page that exists. Pages come readable and writable;
// permissions shrink by EMODPR, which the host runs and EACCEPT checks, and grow by EMODPE, which needs
// nobody. A page is never writable and executable. Without SGX2 nothing changes: pages stay as they came.
// Threads: one lock, held across exits, taken before that of pages.h.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

// permissions_start notes the pages of the program, as its program headers name them.
void permissions_start();
// protect_pages gives the pages of [begin, end) that exist these permissions, PROT_… bits. Stops the process
// when the host claims to have restricted a page and has not. False: no memory to note it.
bool protect_pages(uint64_t begin, uint64_t end, uint64_t protection);
// permitted is whether the page at this address exists and permits an access, one of PROT_….
bool permitted(uint64_t address, uint64_t access);

}  // namespace clemmys::shield
