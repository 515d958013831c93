#include "kms/anchor.h"

#include "kms/file.h"

namespace clemmys::kms {
namespace {

// The file is 64 lower-case hexadecimal digits and a line feed, for people who look at it.
class FileAnchor final : public Anchor {
 public:
  explicit FileAnchor(std::string folder) : folder_(std::move(folder)) {}

  Result<Digest> read() override {
    const auto content = TRY(read_file(folder_ + "/anchor", 256));
    if (!content) return Digest{};
    if (content->size() != 65 || content->back() != '\n') return malformed();
    auto digest = fixed_from_hex<Digest>(as_text(*content).substr(0, 64));
    if (!digest) return malformed();
    return *digest;
  }

  Status advance(const Digest& expected, const Digest& next) override {
    if (TRY(read()) != expected) return Error{ErrorCode::kConflict, "kms.anchor.moved"};
    return replace_file(folder_, "anchor", as_bytes(to_hex(next) + "\n"));
  }

  std::string_view name() const override { return "insecure_file_anchor"; }

 private:
  Error malformed() const {
    return Error{ErrorCode::kCorrupt, "kms.anchor.file",
                 folder_ + "/anchor does not hold one hash; restore it from a backup"};
  }
  std::string folder_;
};

}  // namespace

std::unique_ptr<Anchor> insecure_file_anchor(std::string folder) {
  return std::make_unique<FileAnchor>(std::move(folder));
}

}  // namespace clemmys::kms
