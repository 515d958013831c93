#include "kms/store.h"

#include <utility>

#include "base/check.h"

namespace clemmys::kms {
namespace {

constexpr std::size_t kGroupSizeMax = 8u << 20;  // waiting changes that are written before the turn ends

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& folder, Sealer& sealer, Anchor& anchor,
                                           TimeFloor& time) {
  const RootSecret root = TRY(load_or_make_root_secret(folder, sealer));
  std::unique_ptr<Store> store(new Store);
  const auto replay = [&](const JournalRecord& record) -> Status {
    for (const JournalEntry& entry : record.entries) {
      auto delta = decode_delta(entry.operation);
      if (!delta) return delta.error();
      TRY(store->state_.apply(std::move(*delta)));
    }
    time.raise(record.unix_ms);
    return {};
  };
  store->journal_ = TRY(Journal::open(folder, root.key, anchor, replay));
  return store;
}

void Store::change(std::string who, Delta delta) {
  Bytes operation = encode(delta);
  pending_size_ += operation.size();
  pending_.push_back({std::move(who), std::move(operation)});
  CHECK(state_.apply(std::move(delta)).has_value());
  if (pending_size_ > kGroupSizeMax) (void)commit();  // a failure is kept for the turn's own commit
}

Status Store::commit() {
  if (broken_) return *broken_;
  const Status status = write();
  if (!status) broken_ = status.error();
  return status;
}

Status Store::write() {
  const bool confirmation_needed = std::exchange(confirmation_needed_, false);
  if (!pending_.empty()) {
    pending_size_ = 0;
    return journal_->append(state_.unix_ms(),
                            std::exchange(pending_, {}));  // moving the anchor confirms, too
  }
  if (confirmation_needed) return journal_->confirm();
  return {};
}

}  // namespace clemmys::kms
