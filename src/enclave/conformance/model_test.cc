// The life of a page against a model: random sequences of what host and enclave may do to it, each answer
// compared with what the manual says, and after each step what the enclave can read and write.
#include <gtest/gtest.h>

#include <random>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

using sgx::PageType;
using sgx::SecinfoFlags;
using sgx::UserLeaf;

constexpr std::uint64_t kRead = sgx::kSecinfoRead, kWrite = sgx::kSecinfoWrite, kPages = 6,
                        kSecinfoAt = kData + 0x800;
constexpr std::uint64_t kRefused = ~std::uint64_t{0};

// ModelPage is the EPCM entry of the manual. Without a value: the page is absent.
struct ModelPage {
  std::optional<SecinfoFlags> entry;

  bool is(PageType type, std::uint64_t without) const {
    return entry && entry->type() == type && !(entry->bits & without);
  }
  bool settled() const { return is(PageType::kRegular, sgx::kSecinfoPending | sgx::kSecinfoModified); }
  bool allows(std::uint64_t permission) const { return settled() && entry->has(permission); }
  void augment() {
    if (!entry) entry = sgx::secinfo_regular(kRead | kWrite | sgx::kSecinfoPending);
  }
  // accept answers as RAX, or kRefused for a fault.
  std::uint64_t accept(SecinfoFlags flags) {
    augment();  // the driver's answer to the page fault
    const std::uint64_t differ = flags.bits ^ entry->bits;
    if (differ & ~sgx::kSecinfoRestricted)
      return static_cast<std::uint64_t>(sgx::SgxError::kPageAttributesMismatch);
    entry->bits &= ~(sgx::kSecinfoPending | sgx::kSecinfoModified | sgx::kSecinfoRestricted);
    return 0;
  }
  bool restrict(std::uint64_t permissions) {
    if (!settled()) return false;
    entry->bits =
        (entry->bits & ~sgx::kSecinfoPermissions) | (entry->bits & permissions) | sgx::kSecinfoRestricted;
    return true;
  }
  bool extend(std::uint64_t permissions) {
    if (!settled()) return false;
    entry->bits |= permissions;
    return true;
  }
  bool trim() {
    if (!settled()) return false;
    entry = sgx::secinfo_flags(PageType::kTrim, sgx::kSecinfoModified);
    return true;
  }
  bool remove() {
    if (!is(PageType::kTrim, sgx::kSecinfoModified)) return false;
    entry.reset();
    return true;
  }
};

struct World {
  std::unique_ptr<Enclave> enclave = build(test_platform());
  std::array<ModelPage, kPages> pages;

  // inside runs a leaf on a page; a fault is skipped and answers kRefused.
  std::uint64_t inside(UserLeaf number, SecinfoFlags flags, std::uint64_t page) {
    sgx::Secinfo secinfo{};
    secinfo.flags = flags;
    copy_in(*enclave, kSecinfoAt, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
    const Outcome outcome =
        leaf(*enclave, number, enclave->base() + kSecinfoAt, enclave->base() + offset(page));
    return skipped(outcome, 3) ? kRefused : outcome.run.rdi;
  }
  bool reaches(Command command, std::uint64_t page) {
    return !skipped(call(*enclave, command, enclave->base() + offset(page)), 3);
  }
  bool skipped(const Outcome& outcome, std::uint64_t length) {
    EXPECT_TRUE(outcome.status);
    if (outcome.run.exit == Exit::kExit) return false;
    handle(*enclave, length);
    EXPECT_EQ(resume(*enclave).run.exit, Exit::kExit);
    return true;
  }
  static std::uint64_t offset(std::uint64_t page) { return kDynamic + page * sgx::kPageSize; }
};

// step does one random thing to one random page, in the world and in the model.
void step(World& world, std::mt19937_64& random) {
  const std::uint64_t at = random() % kPages, offset = World::offset(at);
  ModelPage& page = world.pages[at];
  const std::uint64_t permissions = random() % 2 ? kRead : kRead | kWrite;
  switch (random() % 8) {
    case 0:
      page.augment();
      EXPECT_TRUE(world.enclave->augment(offset, sgx::kPageSize));
      break;
    case 1: {
      const SecinfoFlags flags = sgx::secinfo_regular(kRead | kWrite | sgx::kSecinfoPending);
      EXPECT_EQ(world.inside(UserLeaf::kEaccept, flags, at), page.accept(flags));
      break;
    }
    case 2: {
      const SecinfoFlags flags = sgx::secinfo_regular(permissions | sgx::kSecinfoRestricted);
      EXPECT_EQ(world.inside(UserLeaf::kEaccept, flags, at), page.accept(flags));
      break;
    }
    case 3: {
      const SecinfoFlags flags = sgx::secinfo_flags(PageType::kTrim, sgx::kSecinfoModified);
      EXPECT_EQ(world.inside(UserLeaf::kEaccept, flags, at), page.accept(flags));
      break;
    }
    case 4:
      EXPECT_EQ(world.enclave->restrict_permissions(offset, sgx::kPageSize, sgx::secinfo_regular(permissions))
                    .has_value(),
                page.restrict(permissions));
      break;
    case 5:
      EXPECT_EQ(world.inside(UserLeaf::kEmodpe, sgx::secinfo_regular(permissions), at) != kRefused,
                page.extend(permissions));
      break;
    case 6:
      EXPECT_EQ(world.enclave->modify_type(offset, sgx::kPageSize, PageType::kTrim).has_value(), page.trim());
      break;
    default:
      EXPECT_EQ(world.enclave->remove_pages(offset, sgx::kPageSize).has_value(), page.remove());
      break;
  }
  // Touching an absent page augments it, in the driver and in the model.
  const bool absent = !page.entry;
  EXPECT_EQ(world.reaches(Command::kRead, at), page.allows(kRead));
  EXPECT_EQ(world.reaches(Command::kWrite, at), page.allows(kRead | kWrite));
  if (absent) page.augment();
}

TEST(PageModel, RandomLivesAgreeWithTheManual) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  World world;
  for (int i = 0; i < 20'000; ++i) {
    step(world, random);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << i;
  }
}

TEST(PageModel, AcceptOfAPageThatDidNotChangeIsGeneralProtection) {
  World world;
  EXPECT_EQ(world.inside(UserLeaf::kEaccept, sgx::secinfo_regular(kRead | kWrite), 0), kRefused);
  EXPECT_EQ(world.inside(UserLeaf::kEaccept, sgx::secinfo_regular(kRead | sgx::kSecinfoModified), 0),
            kRefused);
  EXPECT_EQ(world.inside(UserLeaf::kEaccept, sgx::secinfo_flags(PageType::kTrim, 0), 0), kRefused);
}

}  // namespace
}  // namespace clemmys::enclave::conformance
