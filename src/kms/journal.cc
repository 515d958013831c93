#include "kms/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "kms/record_reader.h"
#include "wire/padding.h"

namespace clemmys::kms {
namespace {

constexpr std::size_t kSaltSize = 24;
using RecordSalt = FixedBytes<kSaltSize, struct RecordSaltTag>;

Key record_key(const Key& root_secret, ByteView salt) {
  return crypto::hkdf_sha256(root_secret.view(), salt, as_bytes("clemmys/journal/v1"));
}

Bytes encode(const JournalRecord& record, const Digest& previous) {
  Writer writer;
  writer.fixed(previous);
  writer.u64(record.sequence);
  writer.u64(record.unix_ms);
  writer.u32(static_cast<std::uint32_t>(record.entries.size()));
  for (const JournalEntry& entry : record.entries) {
    writer.text(entry.who);
    writer.blob(entry.operation);
  }
  Bytes plain = writer.take();
  plain.resize(wire::padded_size(plain.size()));  // zeros, which replay takes off
  return plain;
}

struct Opened {
  Digest previous;
  JournalRecord record;
};

Result<Opened> open_record(const Key& root_secret, ByteView body) {
  if (body.size() < kSaltSize + crypto::kTagSize) return Error{ErrorCode::kCorrupt, "kms.journal.short"};
  const Key key = record_key(root_secret, body.first(kSaltSize));
  Bytes plain = TRY(crypto::aes256gcm_open(key, {}, {}, body.subspan(kSaltSize)));
  Reader reader(plain);
  Opened opened;
  opened.previous = reader.fixed<Digest>();
  opened.record.sequence = reader.u64();
  opened.record.unix_ms = reader.u64();
  opened.record.entries.resize(reader.count(8));
  for (JournalEntry& entry : opened.record.entries) {
    entry.who = reader.text();
    entry.operation = to_bytes(reader.blob());
  }
  const ByteView padding = reader.raw(reader.rest().size());
  const bool padded = std::ranges::all_of(padding, [](std::uint8_t byte) { return byte == 0; });
  const Status status = reader.finish("kms.journal.record");
  wipe(plain.data(), plain.size());
  if (!status) return status.error();
  if (!padded) return Error{ErrorCode::kCorrupt, "kms.journal.padding"};
  return opened;
}

void wipe_entries(std::vector<JournalEntry>& entries) {
  for (JournalEntry& entry : entries) wipe(entry.operation.data(), entry.operation.size());
}

Error refused(std::string_view site, std::string found, const Digest& anchored) {
  return Error{
      ErrorCode::kDenied, site,
      "found " + std::move(found) + "; expected the anchored record " + to_hex(anchored) +
          " to be the last or the last but one. The state folder is older than, newer than, or other than "
          "what this "
          "KMS last wrote: restore the newest journal together with its anchor. Nothing was changed."};
}

}  // namespace

Bytes Journal::seal(const JournalRecord& record) const {
  const auto salt = crypto::random_fixed<RecordSalt>();
  Bytes plain = encode(record, head_);
  Writer writer;
  writer.u32(static_cast<std::uint32_t>(kSaltSize + plain.size() + crypto::kTagSize));
  writer.fixed(salt);
  Bytes bytes = writer.take();
  crypto::aes256gcm_seal(record_key(root_secret_, salt.view()), {}, {}, plain, bytes);
  wipe(plain.data(), plain.size());
  return bytes;
}

Status Journal::replay_file(const std::string& path, const Replay& replay) {
  const Digest anchored = TRY(anchor_.read());
  RecordReader records(file_.get());
  Digest predecessor;  // of head_
  std::uint64_t good_size = 0;
  bool torn = false;
  for (;;) {
    const auto next = TRY(records.next());
    if (next.kind == RecordReader::Kind::kEnd) break;
    auto opened = next.kind == RecordReader::Kind::kRecord
                      ? open_record(root_secret_, next.bytes.subspan(4))
                      : Result<Opened>(Error{ErrorCode::kCorrupt, "kms.journal.torn"});
    if (!opened) {
      torn = true;
      break;
    }
    JournalRecord& record = opened->record;
    if (opened->previous != head_ || record.sequence != sequence_ + 1 || record.unix_ms < unix_ms_) {
      return refused("kms.journal.order", "a record out of order after number " + std::to_string(sequence_),
                     anchored);
    }
    TRY(replay(record));
    wipe_entries(record.entries);
    predecessor = head_;
    head_ = crypto::sha256(next.bytes);
    sequence_ = record.sequence;
    unix_ms_ = record.unix_ms;
    good_size += next.bytes.size();
  }
  const std::string found =
      "record number " + std::to_string(sequence_) + ", " + to_hex(head_) + ", as the last one";
  if (torn) {
    // What was anchored is complete up to here, so the rest was never answered. Otherwise answered records
    // are damaged.
    if (anchored != head_) return refused("kms.journal.damaged", found + " before damaged bytes", anchored);
    log_warning(
        "the journal's last record is incomplete (a crash while writing); it was never answered and is cut "
        "off");
    if (::ftruncate(file_.get(), static_cast<off_t>(good_size)) != 0 || ::fsync(file_.get()) != 0) {
      return Error{ErrorCode::kInternal, "kms.journal.truncate", path};
    }
  } else if (anchored == predecessor && anchored != head_) {
    log_warning("the journal's last record was not anchored (a crash before the answer); anchoring it now");
    TRY(anchor_.advance(predecessor, head_));
  } else if (anchored != head_) {
    return refused("kms.journal.anchor", found, anchored);
  }
  if (::lseek(file_.get(), static_cast<off_t>(good_size), SEEK_SET) < 0) {
    return Error{ErrorCode::kInternal, "kms.journal.seek", path};
  }
  return {};
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& folder, const Key& root_secret,
                                               Anchor& anchor, const Replay& replay) {
  const std::string path = folder + "/journal";
  std::unique_ptr<Journal> journal(new Journal(root_secret.copy(), anchor));
  journal->file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (journal->file_.get() < 0) return Error{ErrorCode::kInternal, "kms.journal.open", path};
  TRY(sync_folder(folder));
  TRY(journal->replay_file(path, replay));
  return journal;
}

Status Journal::append(std::uint64_t unix_ms, std::vector<JournalEntry> entries) {
  JournalRecord record{sequence_ + 1, std::max(unix_ms, unix_ms_), std::move(entries)};
  const Bytes bytes = seal(record);
  wipe_entries(record.entries);
  if (bytes.size() > kRecordSizeMax) return Error{ErrorCode::kTooLarge, "kms.journal.record_size"};
  TRY(confirm());
  TRY(write_all(file_.get(), bytes));
  if (::fdatasync(file_.get()) != 0) return Error{ErrorCode::kInternal, "kms.journal.sync"};
  const Digest next = crypto::sha256(bytes);
  TRY(anchor_.advance(head_, next));
  head_ = next;
  sequence_ = record.sequence;
  unix_ms_ = record.unix_ms;
  return {};
}

Status Journal::confirm() {
  if (TRY(anchor_.read()) != head_) return Error{ErrorCode::kConflict, "kms.journal.not_head"};
  return {};
}

}  // namespace clemmys::kms
