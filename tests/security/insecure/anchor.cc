// anchor.cc: an anchor that is read at the start only: nobody notices another key service on the same state.
#include "kms/anchor.h"

#include <optional>

#include "kms/file.h"

namespace clemmys::kms {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: anchor";

namespace {

class UnwatchedAnchor final : public Anchor {
 public:
  explicit UnwatchedAnchor(std::string folder) : folder_(std::move(folder)) {}
  Result<Digest> read() override {
    if (own_) return *own_;
    const auto content = TRY(read_file(folder_ + "/anchor", 256));
    return content ? *fixed_from_hex<Digest>(as_text(*content).substr(0, 64)) : Digest{};
  }
  Status advance(const Digest&, const Digest& next) override {
    own_ = next;
    return replace_file(folder_, "anchor", as_bytes(to_hex(next) + "\n"));
  }
  std::string_view name() const override { return "insecure_file_anchor"; }

 private:
  const std::string folder_;
  std::optional<Digest> own_;
};

}  // namespace

std::unique_ptr<Anchor> insecure_file_anchor(std::string folder) {
  return std::make_unique<UnwatchedAnchor>(std::move(folder));
}

}  // namespace clemmys::kms
