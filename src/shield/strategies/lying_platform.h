// lying_platform.h: software SGX under a host that lies about pages: instead of what it was asked, or to
// pages that the enclave has accepted, whenever the program tells it where they lie (startup.cc, "again"). It
// may do all that the processor lets a host do, the Linux driver's manners or not.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "enclave/platform.h"
#include "shield/abi.h"

namespace clemmys::enclave {

enum class Lie : std::uint8_t {
  kNone,
  // Adding pages.
  kAugmentsNothing,  // answers that the pages are there
  kRefusesToAugment,
  kAugmentsMore,  // pages that nobody has asked for yet
  kAugmentsTwice,
  // While more pages are asked for.
  kTakesAcceptedPages,  // EMODT of a page in use
  kRestrictsAcceptedPages,
  kTakesTablesOfTheShield,  // EMODT of a page of the arena
  // Permissions.
  kRestrictsNothing,  // answers that the permissions are gone
  kRefusesToRestrict,
  // Threads.
  kMakesNoTcs,
  kMakesTrimForTcs,
  kReplacesTcs,         // EREMOVE, EAUG: the page is as new
  kReplacesThreadData,  // of the slot whose TCS is made
  // Trimming.
  kTrimsNothing,
  kReplacesForTrim,
  kRemovesNothing,
  kAddsWhatItRemoved,
};

// Meddling is done to a page that the enclave has accepted and, as far as it knows, not given back.
enum class Meddling : std::uint8_t {
  kNone,
  kAddsAgain,   // EAUG
  kRestricts,   // EMODPR
  kTrims,       // EMODT
  kRemoves,     // EREMOVE
  kReplaces,    // EREMOVE, EAUG: the page waits for EACCEPT as a new one, contents lost
  kAddsNoMore,  // nothing comes any more behind the pages in use
};
enum class Moment : std::uint8_t { kTouched, kFreed };

struct Plan {
  Lie lie = Lie::kNone;
  Meddling meddling = Meddling::kNone;
  Moment moment = Moment::kTouched;
  std::uint64_t size = 0;           // of the memory that the program tells about
  std::uint64_t pages_max = ~0ull;  // ProcessOptions'
};

std::unique_ptr<Platform> lying_platform(std::unique_ptr<Platform> inner, const Plan& plan,
                                         const shield::LayoutPage& layout);

class LyingAboutPages : public testing::Test {
 protected:
  LyingAboutPages();
  ~LyingAboutPages() override;
  // run ends the process as clemmys-host does: standard error gets the program's output and where the enclave
  // stopped.
  [[noreturn]] void run(Plan plan, const std::string& image, const std::string& mode, int touch_mib);
  [[noreturn]] void run(Lie lie, const std::string& image, int touch_mib = 96) {
    run({.lie = lie}, image, "twice", touch_mib);
  }

  std::string directory_;
};

}  // namespace clemmys::enclave
