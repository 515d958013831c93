// A host that lies about pages, in every flow in which pages come, change and go. Whatever it does, the
// program gives its right answer or the enclave stops and says where: never a wrong answer.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "enclave/host/process.h"
#include "enclave/image.h"

namespace clemmys::enclave {
namespace {

// Lie is what the host does instead of what it was asked.
enum class Lie : std::uint8_t {
  kNone,
  kAugmentsNothing,  // answers that the pages are there
  kRefusesToAugment,
  kAugmentsMore,        // pages that nobody has asked for yet
  kTakesAcceptedPages,  // EMODT of a page in use
  kRestrictsAcceptedPages,
  kTakesTablesOfTheShield,  // EMODT of a page of the arena
  kRestrictsNothing,        // answers that the permissions are gone
  kRefusesToRestrict,
  kMakesNoTcs,
  kMakesTrimForTcs,
  kTrimsNothing,
  kRemovesNothing,
};

class LyingEnclave final : public Enclave {
 public:
  LyingEnclave(std::unique_ptr<Enclave> inner, Lie lie, std::uint64_t dynamic_base)
      : inner_(std::move(inner)),
        lie_(lie),
        arena_(dynamic_base + shield::kBitmapSize + shield::kAreasSize) {}
  std::uint64_t base() const override { return inner_->base(); }
  std::uint64_t size() const override { return inner_->size(); }
  Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) override {
    return inner_->add_pages(offset, content, flags, measure);
  }
  Status initialize(const sgx::Sigstruct& sigstruct) override { return inner_->initialize(sigstruct); }
  Status enter(Run& run) override { return inner_->enter(run); }
  Status augment(std::uint64_t offset, std::uint64_t size) override {
    const bool large = size >= 64 * sgx::kPageSize;  // the program's memory, not the shield's tables
    if (lie_ == Lie::kAugmentsNothing) return {};
    if (lie_ == Lie::kRefusesToAugment && large) return Error{ErrorCode::kExhausted, "test.augment"};
    if (offset - arena_ < shield::kTablesSize - shield::kBitmapSize - shield::kAreasSize)
      table_ = offset;  // that of the descriptors is the last to come
    if (large && lie_ == Lie::kTakesTablesOfTheShield)
      (void)inner_->modify_type(table_, sgx::kPageSize, sgx::PageType::kTrim);
    if (large && previous_ != 0) {
      constexpr auto kRead = sgx::secinfo_regular(sgx::kSecinfoRead);
      if (lie_ == Lie::kTakesAcceptedPages)
        (void)inner_->modify_type(previous_, sgx::kPageSize, sgx::PageType::kTrim);
      if (lie_ == Lie::kRestrictsAcceptedPages)
        (void)inner_->restrict_permissions(previous_, sgx::kPageSize, kRead);
    }
    if (large) previous_ = offset;
    return inner_->augment(offset, lie_ == Lie::kAugmentsMore ? 2 * size : size);
  }
  Status restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) override {
    if (lie_ == Lie::kRefusesToRestrict) return Error{ErrorCode::kInternal, "test.restrict"};
    return lie_ == Lie::kRestrictsNothing ? Status{} : inner_->restrict_permissions(offset, size, flags);
  }
  Status modify_type(std::uint64_t offset, std::uint64_t size, sgx::PageType type) override {
    const bool tcs = type == sgx::PageType::kTcs;
    if ((lie_ == Lie::kMakesNoTcs && tcs) || (lie_ == Lie::kTrimsNothing && !tcs)) return {};
    return inner_->modify_type(offset, size, lie_ == Lie::kMakesTrimForTcs ? sgx::PageType::kTrim : type);
  }
  Status remove_pages(std::uint64_t offset, std::uint64_t size) override {
    return lie_ == Lie::kRemovesNothing ? Status{} : inner_->remove_pages(offset, size);
  }

 private:
  std::unique_ptr<Enclave> inner_;
  const Lie lie_;
  const std::uint64_t arena_;
  std::uint64_t previous_ = 0, table_ = 0;
};

class LyingPlatform final : public Platform {
 public:
  LyingPlatform(std::unique_ptr<Platform> inner, Lie lie, std::uint64_t dynamic_base)
      : inner_(std::move(inner)), lie_(lie), dynamic_base_(dynamic_base) {}
  std::string_view name() const override { return inner_->name(); }
  bool has_sgx2() const override { return inner_->has_sgx2(); }
  Result<std::unique_ptr<Enclave>> create(const sgx::Secs& secs) override {
    return std::make_unique<LyingEnclave>(TRY(inner_->create(secs)), lie_, dynamic_base_);
  }

 private:
  std::unique_ptr<Platform> inner_;
  const Lie lie_;
  const std::uint64_t dynamic_base_;
};

class LyingAboutPages : public testing::Test {
 protected:
  LyingAboutPages() {
    std::string pattern = testing::TempDir() + "/clemmys-pages-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~LyingAboutPages() override { std::filesystem::remove_all(directory_); }

  // run ends the process: standard error gets the program's output and where the enclave stopped.
  [[noreturn]] void run(Lie lie, const std::string& image, const std::string& touch_mib) {
    std::ifstream file(CLEMMYS_BINARY_DIR "/images/startup_" + image + ".sgx", std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    LyingPlatform platform(*open_soft_platform(directory_ + "/soft"), lie, layout_of(bytes)->dynamic_base);
    ProcessOptions options{.arguments = {"startup", touch_mib, "3", "twice"}};
    dup2(STDERR_FILENO, STDOUT_FILENO);
    alarm(100);  // an enclave that faults without end
    auto process = *Process::create(platform, bytes, std::move(options));
    const Result<int> status = process->run();
    if (!status) std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
    _Exit(status ? *status : 126);
  }
  // A wrong answer has another number behind one of the colons.
  static constexpr char kRight[] =
      "pages that were not zero: 0\npages that were not zero the second time: 0\nthreads that ran at once: 3";

  std::string directory_;
};

#define EXPECT_RIGHT(lie, image) EXPECT_EXIT(run(lie, image, "96"), testing::ExitedWithCode(0), kRight)
#define EXPECT_STOPPED(lie, image, site) \
  EXPECT_EXIT(run(lie, image, "96"), testing::ExitedWithCode(126), site)

TEST_F(LyingAboutPages, HonestHostsGiveTheRightAnswer) { EXPECT_RIGHT(Lie::kNone, "sgx2-batch"); }

TEST_F(LyingAboutPages, PagesThatWereNotAddedComeByEaccept) {
  EXPECT_RIGHT(Lie::kAugmentsNothing, "sgx2-batch");
  EXPECT_RIGHT(Lie::kAugmentsNothing, "sgx2-commit");
}

TEST_F(LyingAboutPages, PagesThatWereAddedBeforeAreAcceptedOnce) {
  EXPECT_RIGHT(Lie::kAugmentsMore, "sgx2-batch");
}

TEST_F(LyingAboutPages, RefusedMemoryStops) {
  EXPECT_STOPPED(Lie::kRefusesToAugment, "sgx2-batch", "memory.refused");
  EXPECT_EXIT(run(Lie::kRefusesToAugment, "sgx2-commit", "96"), testing::ExitedWithCode(3), "no memory");
}

TEST_F(LyingAboutPages, TakenOrRestrictedPagesStop) {
  EXPECT_STOPPED(Lie::kTakesAcceptedPages, "sgx2-batch", "memory.page_taken");
  EXPECT_RIGHT(Lie::kRestrictsAcceptedPages, "sgx2-batch");  // trimmed before they are written again
  EXPECT_EXIT(run(Lie::kRestrictsAcceptedPages, "sgx2-batch", "16"), testing::ExitedWithCode(126),
              "memory.page_taken");
}

TEST_F(LyingAboutPages, PagesOfTheShieldThatAreTakenStop) {
  EXPECT_STOPPED(Lie::kTakesTablesOfTheShield, "sgx2-batch", "memory.page_taken");
}

// The first restriction is that of RELRO, before main.
TEST_F(LyingAboutPages, PermissionsThatWereNotTakenStop) {
  EXPECT_STOPPED(Lie::kRestrictsNothing, "sgx2-batch", "permissions.restricted");
  EXPECT_STOPPED(Lie::kRefusesToRestrict, "sgx2-batch", "permissions.restrict");
}

TEST_F(LyingAboutPages, ATcsThatIsNoneStops) {
  EXPECT_STOPPED(Lie::kMakesNoTcs, "sgx2-batch", "slots.accept");
  EXPECT_STOPPED(Lie::kMakesTrimForTcs, "sgx2-batch", "slots.accept");
}

TEST_F(LyingAboutPages, TrimmingThatDidNotHappenStops) {
  EXPECT_STOPPED(Lie::kTrimsNothing, "sgx2-batch", "pages.trim");
  EXPECT_STOPPED(Lie::kRemovesNothing, "sgx2-batch", "pages.accept");
}

}  // namespace
}  // namespace clemmys::enclave
