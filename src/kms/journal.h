// journal.h: the append-only, encrypted, hash-chained record of every change; the audit log, too.
// Record on disk: `u32 size of the rest ‖ salt (24) ‖ AES-256-GCM ciphertext ‖ tag` under HKDF(root secret,
// salt); the plaintext holds the previous record's hash, a sequence number, the highest time seen, the
// entries, and zeros up to wire::padded_size. A record's hash is SHA-256 of its bytes on disk. One record per
// group of changes: append, fdatasync, anchor; only then may anyone be answered. At start the anchor must be
// the head, or the head's predecessor (crash between append and anchor). Bytes after the anchored record that
// do not authenticate were never answered: a torn write, cut off. Anything else is refused. Threads: one.
// After an error of append or confirm the instance must stop: memory may be ahead of the disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"
#include "kms/anchor.h"
#include "kms/file.h"

namespace clemmys::kms {

// Entry is one change: who asked ("gateway", "operator", "kms"), and the operation as delta.h encodes it.
struct JournalEntry {
  std::string who;
  Bytes operation;
};
struct JournalRecord {
  std::uint64_t sequence = 0;  // 1, 2, 3 …
  std::uint64_t unix_ms = 0;   // never below the previous record's
  std::vector<JournalEntry> entries;
};

class Journal {
 public:
  // open replays folder/journal through `replay`, in order, and leaves it ready to append. kDenied when the
  // anchor or the contents do not fit; the detail says what was found, what was expected, and what can be
  // done.
  using Replay = std::function<Status(const JournalRecord&)>;
  static Result<std::unique_ptr<Journal>> open(const std::string& folder, const Key& root_secret,
                                               Anchor& anchor, const Replay& replay);

  // append writes one record, makes it durable and moves the anchor. kConflict, before anything is written
  // over the other's records, when another instance has moved it.
  Status append(std::uint64_t unix_ms, std::vector<JournalEntry> entries);
  // confirm reads the anchor and fails with kConflict unless it still names this instance's head. Keys leave
  // only after it.
  Status confirm();

  const Digest& head() const { return head_; }
  std::uint64_t sequence() const { return sequence_; }

 private:
  Journal(Key root_secret, Anchor& anchor) : root_secret_(std::move(root_secret)), anchor_(anchor) {}
  Status replay_file(const std::string& path, const Replay& replay);
  Bytes seal(const JournalRecord& record) const;

  Key root_secret_;
  Anchor& anchor_;
  Descriptor file_;
  Digest head_;  // zero: no record yet
  std::uint64_t sequence_ = 0;
  std::uint64_t unix_ms_ = 0;
};

inline constexpr std::size_t kRecordSizeMax = 64u << 20;

}  // namespace clemmys::kms
