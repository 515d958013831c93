#include "shield/strategies/lying_platform.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "enclave/host/process.h"
#include "enclave/image.h"
#include "softsgx/registry.h"
#include "softsgx/state.h"
#include "wire/links.h"

namespace clemmys::enclave {
namespace {

using sgx::kPageSize;
using sgx::PageType;

class LyingEnclave final : public Enclave {
 public:
  LyingEnclave(std::unique_ptr<Enclave> inner, const Plan& plan, std::uint64_t arena)
      : inner_(std::move(inner)), plan_(plan), arena_(arena) {}
  std::uint64_t base() const override { return inner_->base(); }
  std::uint64_t size() const override { return inner_->size(); }
  Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) override {
    return inner_->add_pages(offset, content, flags, measure);
  }
  Status initialize(const sgx::Sigstruct& sigstruct) override { return inner_->initialize(sigstruct); }
  Status enter(Run& run) override {
    const auto* block = reinterpret_cast<const shield::HostThread*>(run.rsi);
    TRY(inner_->enter(run));
    const auto reason = static_cast<shield::ExitReason>(run.rdi);
    if (run.exit == Exit::kExit && reason == shield::ExitReason::kHostCall) listen(block->call);
    return {};
  }
  Status augment(std::uint64_t offset, std::uint64_t size) override {
    const bool large = size >= 64 * kPageSize;  // the program's memory, not the shield's tables
    if (plan_.lie == Lie::kAugmentsNothing) return {};
    if (plan_.lie == Lie::kRefusesToAugment && large) return Error{ErrorCode::kExhausted, "test.augment"};
    if (offset - arena_ < shield::kTablesSize - shield::kBitmapSize - shield::kAreasSize)
      table_ = offset;  // that of the descriptors is the last to come
    if (large && plan_.lie == Lie::kTakesTablesOfTheShield) take(table_);
    if (large && previous_ != 0 && plan_.lie == Lie::kTakesAcceptedPages) take(previous_);
    if (large && previous_ != 0 && plan_.lie == Lie::kRestrictsAcceptedPages) restrict(previous_);
    if (large) previous_ = offset;
    if (plan_.lie == Lie::kAugmentsTwice) TRY(inner_->augment(offset, size));
    return inner_->augment(offset, plan_.lie == Lie::kAugmentsMore ? 2 * size : size);
  }
  Status restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) override {
    if (plan_.lie == Lie::kRefusesToRestrict) return Error{ErrorCode::kInternal, "test.restrict"};
    if (plan_.lie == Lie::kRestrictsNothing) return {};
    return inner_->restrict_permissions(offset, size, flags);
  }
  Status modify_type(std::uint64_t offset, std::uint64_t size, PageType type) override {
    const bool tcs = type == PageType::kTcs;
    if (plan_.lie == (tcs ? Lie::kMakesNoTcs : Lie::kTrimsNothing)) return {};
    TRY(inner_->modify_type(offset, size, plan_.lie == Lie::kMakesTrimForTcs ? PageType::kTrim : type));
    if (plan_.lie == (tcs ? Lie::kReplacesTcs : Lie::kReplacesForTrim)) replace(offset);
    if (plan_.lie == Lie::kReplacesThreadData && tcs) replace(offset + shield::kSlotDataPage * kPageSize);
    return {};
  }
  Status remove_pages(std::uint64_t offset, std::uint64_t size) override {
    if (plan_.lie == Lie::kRemovesNothing) return {};
    TRY(inner_->remove_pages(offset, size));
    return plan_.lie == Lie::kAddsWhatItRemoved ? inner_->augment(offset, size) : Status{};
  }

 private:
  void take(std::uint64_t offset) { (void)inner_->modify_type(offset, kPageSize, PageType::kTrim); }
  void restrict(std::uint64_t offset) {
    constexpr auto kRead = sgx::secinfo_regular(sgx::kSecinfoRead);
    (void)inner_->restrict_permissions(offset, kPageSize, kRead);
  }
  // remove is EREMOVE of a page in use: the processor does it while no thread is inside, whatever the Linux
  // driver's rules are.
  void remove(std::uint64_t offset) {
    softsgx::State& state = *softsgx::find_enclave(base());
    const softsgx::PagingGuard guard;
    state.epcm.store(offset / kPageSize, {});
    softsgx::epc_give_back(state);
    EXPECT_TRUE(state.range.discard(offset, kPageSize));
    softsgx::release_enclave(state);
  }
  void replace(std::uint64_t offset) {
    remove(offset);
    EXPECT_TRUE(inner_->augment(offset, kPageSize));
  }
  // close leaves no memory where pages could be added.
  void close(std::uint64_t offset, std::uint64_t size) {
    void* where = reinterpret_cast<void*>(base() + offset);
    EXPECT_EQ(::mmap(where, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), where);
  }

  void listen(const shield::HostCall& call) {
    if (call.number != SYS_write) return;
    const std::string text(reinterpret_cast<const char*>(call.arguments[1]), call.arguments[2]);
    const std::string_view word = plan_.moment == Moment::kTouched ? "touched at 0x" : "freed at 0x";
    const std::size_t at = text.find(word);
    if (at == std::string::npos) return;
    meddle(std::stoull(text.substr(at + word.size()), nullptr, 16) - base());
  }
  void meddle(std::uint64_t memory) {
    const std::uint64_t page = memory + 5 * kPageSize;
    switch (plan_.meddling) {
      case Meddling::kNone:
        return;
      case Meddling::kAddsAgain:
        return (void)inner_->augment(memory, plan_.size);
      case Meddling::kRestricts:
        return restrict(page);
      case Meddling::kTrims:
        return take(page);
      case Meddling::kRemoves:
        return remove(page);
      case Meddling::kReplaces:
        return replace(page);
      case Meddling::kAddsNoMore:
        return close(memory + plan_.size, plan_.size);
    }
  }

  std::unique_ptr<Enclave> inner_;
  const Plan plan_;
  const std::uint64_t arena_;
  std::uint64_t previous_ = 0, table_ = 0;
};

class LyingPlatform final : public Platform {
 public:
  LyingPlatform(std::unique_ptr<Platform> inner, const Plan& plan, std::uint64_t arena)
      : inner_(std::move(inner)), plan_(plan), arena_(arena) {}
  std::string_view name() const override { return inner_->name(); }
  bool has_sgx2() const override { return inner_->has_sgx2(); }
  Result<std::unique_ptr<Enclave>> create(const sgx::Secs& secs) override {
    return std::make_unique<LyingEnclave>(TRY(inner_->create(secs)), plan_, arena_);
  }

 private:
  std::unique_ptr<Platform> inner_;
  const Plan plan_;
  const std::uint64_t arena_;
};

}  // namespace

std::unique_ptr<Platform> lying_platform(std::unique_ptr<Platform> inner, const Plan& plan,
                                         const shield::LayoutPage& layout) {
  const std::uint64_t arena = layout.dynamic_base + shield::kBitmapSize + shield::kAreasSize;
  return std::make_unique<LyingPlatform>(std::move(inner), plan, arena);
}

LyingAboutPages::LyingAboutPages() {
  std::string pattern = testing::TempDir() + "/clemmys-pages-XXXXXX";
  directory_ = mkdtemp(pattern.data());
}

LyingAboutPages::~LyingAboutPages() { std::filesystem::remove_all(directory_); }

void LyingAboutPages::run(Plan plan, const std::string& image, const std::string& mode, int touch_mib) {
  std::ifstream file(CLEMMYS_BINARY_DIR "/images/" + image + ".sgx", std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  plan.size = static_cast<std::uint64_t>(touch_mib) << 20;
  const auto platform = lying_platform(*open_soft_platform(directory_ + "/soft"), plan, *layout_of(bytes));
  ProcessOptions options{.arguments = {"startup", std::to_string(touch_mib), "3", mode},
                         .pages_max = plan.pages_max};
  dup2(STDERR_FILENO, STDOUT_FILENO);
  alarm(100);  // an enclave that faults without end
  auto process = *Process::create(*platform, bytes, std::move(options));
  const Result<int> status = process->run();
  if (!status) std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
  _Exit(status ? *status : process->wanted_too_much() ? wire::kMemoryEnded : 126);
}

}  // namespace clemmys::enclave
