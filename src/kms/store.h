// store.h: the state and its journal as one thing. A change is applied at once and becomes durable with the
// next commit, which writes all changes since the last one as a single record. Nothing that depends on a
// change, and no key, may leave before it. Threads: one. After a failed commit the program must end: memory
// may be ahead of the disk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kms/journal.h"
#include "kms/sealer.h"
#include "kms/state.h"
#include "kms/time_floor.h"

namespace clemmys::kms {

class Store {
 public:
  // open unseals the root secret and replays the journal; `time` is raised to the highest time in it.
  static Result<std::unique_ptr<Store>> open(const std::string& folder, Sealer& sealer, Anchor& anchor,
                                             TimeFloor& time);

  const State& state() const { return state_; }
  void change(std::string who, Delta delta);
  // need_confirmation: the answers of this turn hold keys. commit then makes sure that the anchor still names
  // this instance.
  void need_confirmation() { confirmation_needed_ = true; }
  Status commit();

 private:
  Store() = default;
  Status write();

  State state_;
  std::unique_ptr<Journal> journal_;
  std::vector<JournalEntry> pending_;  // applied, not yet durable
  std::size_t pending_size_ = 0;
  bool confirmation_needed_ = false;
  std::optional<Error> broken_;  // the first failure: every later commit is refused with it
};

}  // namespace clemmys::kms
