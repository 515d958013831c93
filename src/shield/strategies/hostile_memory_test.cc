// A host that lies about pages, in every flow in which pages come, change and go, under every strategy.
// Whatever it does, the program gives its right answer or the enclave stops and says where: never a wrong
// answer.
#include "shield/strategies/lying_platform.h"
#include "wire/links.h"

namespace clemmys::enclave {
namespace {

using testing::ExitedWithCode;

constexpr const char* kAll[] = {"startup_sgx1-measured", "startup_sgx1-unmeasured",   "startup_sgx2-fault",
                                "startup_sgx2-batch",    "startup_sgx2-accept-first", "startup_sgx2-commit"};
const std::vector<std::string> kGrowing(kAll + 2, kAll + 6), kAsking = {kAll[3], kAll[5]};
const std::string kBatch = kAll[3], kCommit = kAll[5];

// A wrong answer has another number behind one of the colons.
constexpr char kRight[] =
    "pages that were not zero: 0\npages that were not zero the second time: 0\nthreads that ran at once: 3";
constexpr char kRightAgain[] =
    "pages that were not zero: 0\n.*pages that changed: 0\n.*pages that were not zero the second time: 0\n"
    "threads that ran at once: 3";

#define EXPECT_RIGHT(lie, image) EXPECT_EXIT(run(lie, image), ExitedWithCode(0), kRight) << image
#define EXPECT_STOPPED(lie, image, site) EXPECT_EXIT(run(lie, image), ExitedWithCode(126), site) << image

TEST_F(LyingAboutPages, HonestHostsGiveTheRightAnswer) {
  for (const std::string& image : kGrowing) EXPECT_RIGHT(Lie::kNone, image);
  for (const std::string image : kAll)
    EXPECT_EXIT(run({}, image, "again", 8), ExitedWithCode(0), kRightAgain) << image;
}

TEST_F(LyingAboutPages, PagesThatWereNotAddedComeByEaccept) {
  for (const std::string& image : kAsking) EXPECT_RIGHT(Lie::kAugmentsNothing, image);
}

TEST_F(LyingAboutPages, PagesThatWereAddedBeforeAreAcceptedOnce) {
  for (const std::string& image : kAsking) {
    EXPECT_RIGHT(Lie::kAugmentsMore, image);
    EXPECT_RIGHT(Lie::kAugmentsTwice, image);
  }
}

TEST_F(LyingAboutPages, RefusedMemoryStops) {
  EXPECT_STOPPED(Lie::kRefusesToAugment, kBatch, "memory.refused");
  EXPECT_EXIT(run(Lie::kRefusesToAugment, kCommit), ExitedWithCode(3), "no memory");
}

TEST_F(LyingAboutPages, AnEnclaveThatWantsMorePagesThanItsLimitIsSaidTo) {
  constexpr std::uint64_t kPagesOfMib = 256;
  const auto limited = [](std::uint64_t mib) { return Plan{.pages_max = mib * kPagesOfMib}; };
  EXPECT_EXIT(run(limited(128), kBatch, "twice", 96), ExitedWithCode(0), kRight);
  EXPECT_EXIT(run(limited(64), kBatch, "twice", 96), ExitedWithCode(wire::kMemoryEnded), "memory.refused");
}

TEST_F(LyingAboutPages, TakenOrRestrictedPagesStop) {
  EXPECT_STOPPED(Lie::kTakesAcceptedPages, kBatch, "memory.page_taken");
  EXPECT_RIGHT(Lie::kRestrictsAcceptedPages, kBatch);  // trimmed before they are written again
  EXPECT_EXIT(run(Lie::kRestrictsAcceptedPages, kBatch, 16), ExitedWithCode(126), "memory.page_taken");
}

TEST_F(LyingAboutPages, PagesOfTheShieldThatAreTakenStop) {
  for (const std::string& image : kAsking)
    EXPECT_STOPPED(Lie::kTakesTablesOfTheShield, image, "memory.page_taken");
}

// A page that was accepted is never accepted again, whatever brought it: one that the host has removed and
// added anew would be zero, or what it was before.
TEST_F(LyingAboutPages, PagesInUseThatAreChangedRemovedOrReplacedStop) {
  for (const std::string image : kAll) {
    for (const Moment moment : {Moment::kTouched, Moment::kFreed}) {
      for (const Meddling meddling :
           {Meddling::kRestricts, Meddling::kTrims, Meddling::kRemoves, Meddling::kReplaces}) {
        EXPECT_EXIT(run({.meddling = meddling, .moment = moment}, image, "again", 8), ExitedWithCode(126),
                    "memory.page_taken")
            << image << ", meddling " << static_cast<int>(meddling) << ", moment "
            << static_cast<int>(moment);
      }
    }
  }
}

// The counterpart: a shield that accepts such a page once more goes on with what it has lost.
TEST_F(LyingAboutPages, AReplacedPageWithoutTheRuleIsAWrongAnswer) {
  for (const std::string& image : kGrowing) {
    EXPECT_EXIT(run({.meddling = Meddling::kReplaces}, "insecure_" + image, "again", 8), ExitedWithCode(0),
                "pages that changed: 1\n")
        << image;
  }
}

TEST_F(LyingAboutPages, PagesThatAreAddedOnceMoreStayAsTheyAre) {
  for (const std::string image : kAll) {
    for (const Moment moment : {Moment::kTouched, Moment::kFreed}) {
      EXPECT_EXIT(run({.meddling = Meddling::kAddsAgain, .moment = moment}, image, "again", 8),
                  ExitedWithCode(0), kRightAgain)
          << image;
    }
  }
}

// Deep in a fault the processor finds no frame for another one: then the thread cannot be entered any more.
TEST_F(LyingAboutPages, PagesThatNeverComeStop) {
  for (const std::string& image : kGrowing) {
    EXPECT_EXIT(run({.meddling = Meddling::kAddsNoMore, .moment = Moment::kFreed}, image, "again", 8),
                ExitedWithCode(126), "pages.absent|host.enter")
        << image;
  }
}

// The first restriction is that of RELRO, before main.
TEST_F(LyingAboutPages, PermissionsThatWereNotTakenStop) {
  for (const std::string& image : kGrowing) {
    EXPECT_STOPPED(Lie::kRestrictsNothing, image, "permissions.restricted");
    EXPECT_STOPPED(Lie::kRefusesToRestrict, image, "permissions.restrict");
  }
}

TEST_F(LyingAboutPages, ATcsThatIsNoneStops) {
  for (const std::string& image : kGrowing) {
    EXPECT_STOPPED(Lie::kMakesNoTcs, image, "slots.accept");
    EXPECT_STOPPED(Lie::kMakesTrimForTcs, image, "slots.accept");
    EXPECT_STOPPED(Lie::kReplacesTcs, image, "slots.accept");
    EXPECT_STOPPED(Lie::kReplacesThreadData, image, "exception.shield");
  }
}

TEST_F(LyingAboutPages, TrimmingThatDidNotHappenStops) {
  for (const std::string& image : kGrowing) {
    EXPECT_STOPPED(Lie::kTrimsNothing, image, "pages.trim");
    EXPECT_STOPPED(Lie::kReplacesForTrim, image, "pages.trim");
    EXPECT_STOPPED(Lie::kRemovesNothing, image, "pages.accept");
  }
}

TEST_F(LyingAboutPages, TrimmedPagesMayComeBackEarly) {
  for (const std::string& image : kGrowing) EXPECT_RIGHT(Lie::kAddsWhatItRemoved, image);
}

}  // namespace
}  // namespace clemmys::enclave
