#include "controller/tables.h"

namespace clemmys::controller {
namespace {

// The sealed bytes come last, so that walks over the fixed columns do not read them.
constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS records(
  number INTEGER PRIMARY KEY, namespace BLOB NOT NULL, activation BLOB NOT NULL, start INTEGER NOT NULL,
  expires INTEGER NOT NULL, state INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE(activation, namespace));
CREATE INDEX IF NOT EXISTS records_by_start ON records(namespace, state, start);
CREATE TABLE IF NOT EXISTS blobs(key BLOB PRIMARY KEY, sealed BLOB NOT NULL);
)";

// A finished record stays finished: the update of a conflict only applies when it does not go back.
constexpr const char* kPut = R"(
INSERT INTO records(namespace, activation, start, expires, state, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT(activation, namespace) DO UPDATE SET start = ?3, expires = ?4, state = ?5, sealed = ?6 WHERE state <= ?5)";

}  // namespace

Status Tables::create(Database& database) { return database.execute(kSchema); }

Tables::Tables(Database& database)
    : put_(database.handle(), kPut),
      get_(database.handle(),
           "SELECT namespace, activation, start, expires, state, sealed FROM records "
           "WHERE activation = ?2 AND namespace = ?1 AND expires > ?3"),
      list_(database.handle(),
            "SELECT namespace, activation, start, expires, state, sealed FROM records "
            "WHERE namespace = ?1 AND state = ?2 AND start BETWEEN ?3 AND ?4 AND expires > ?5 "
            "ORDER BY start DESC, number DESC LIMIT ?6 OFFSET ?7"),
      count_(database.handle(),
             "SELECT count(*) FROM records "
             "WHERE namespace = ?1 AND state = ?2 AND start BETWEEN ?3 AND ?4 AND expires > ?5"),
      expire_(database.handle(), "DELETE FROM records WHERE number > ?1 AND number <= ?2 AND expires <= ?3"),
      slice_end_(
          database.handle(),
          "SELECT max(number) FROM (SELECT number FROM records WHERE number > ?1 ORDER BY number LIMIT ?2)"),
      put_blob_(database.handle(), "INSERT OR REPLACE INTO blobs(key, sealed) VALUES(?1, ?2)"),
      get_blob_(database.handle(), "SELECT sealed FROM blobs WHERE key = ?1"),
      delete_blob_(database.handle(), "DELETE FROM blobs WHERE key = ?1") {}

Status Tables::put(const wire::StoredRecord& record) {
  put_.bind(1, record.namespace_id.view()).bind(2, record.activation.view()).bind(3, record.start_unix_ms);
  put_.bind(4, record.expires_unix_ms)
      .bind(5, std::uint64_t{static_cast<std::uint8_t>(record.state)})
      .bind(6, record.sealed);
  if (TRY(put_.run()) == 0) return Error{ErrorCode::kConflict, "controller.store.finished"};
  return {};
}

Result<std::vector<wire::StoredRecord>> Tables::read_rows(Statement& query) {
  std::vector<wire::StoredRecord> records;
  for (;;) {
    const auto row = query.step();
    if (!row || !*row) {
      query.reset();
      if (!row) return row.error();
      return records;
    }
    wire::StoredRecord& record = records.emplace_back();
    const auto owner = NamespaceId::from(query.bytes(0));
    const auto activation = ActivationId::from(query.bytes(1));
    if (!owner || !activation) {
      query.reset();
      return Error{ErrorCode::kCorrupt, "controller.store.row"};
    }
    record.namespace_id = *owner;
    record.activation = *activation;
    record.start_unix_ms = query.integer(2);
    record.expires_unix_ms = query.integer(3);
    record.state = static_cast<wire::RecordState>(query.integer(4));
    record.sealed = to_bytes(query.bytes(5));
  }
}

Result<std::vector<wire::StoredRecord>> Tables::get(const NamespaceId& owner, const ActivationId& activation,
                                                    std::uint64_t now_unix_ms) {
  get_.bind(1, owner.view()).bind(2, activation.view()).bind(3, now_unix_ms);
  return read_rows(get_);
}

Result<std::vector<wire::StoredRecord>> Tables::list(const wire::ListRecords& query,
                                                     std::uint64_t now_unix_ms) {
  list_.bind(1, query.namespace_id.view()).bind(2, std::uint64_t{static_cast<std::uint8_t>(query.state)});
  list_.bind(3, query.since_unix_ms).bind(4, query.upto_unix_ms).bind(5, now_unix_ms);
  list_.bind(6, std::uint64_t{std::min(query.limit, Store::kListMax)}).bind(7, std::uint64_t{query.skip});
  return read_rows(list_);
}

Result<std::uint64_t> Tables::count(const wire::ListRecords& query, std::uint64_t now_unix_ms) {
  count_.bind(1, query.namespace_id.view()).bind(2, std::uint64_t{static_cast<std::uint8_t>(query.state)});
  count_.bind(3, query.since_unix_ms).bind(4, query.upto_unix_ms).bind(5, now_unix_ms);
  const auto row = count_.step();
  const std::uint64_t number = row && *row ? count_.integer(0) : 0;
  count_.reset();
  if (!row) return row.error();
  return number;
}

Status Tables::expire(std::uint64_t now_unix_ms, std::uint64_t rows) {
  slice_end_.bind(1, expiry_cursor_).bind(2, rows);
  const auto row = slice_end_.step();
  const std::uint64_t end = row && *row ? slice_end_.integer(0) : 0;  // an empty slice gives NULL, read as 0
  slice_end_.reset();
  if (!row) return row.error();
  if (end == 0) {
    expiry_cursor_ = 0;
    return {};
  }
  expire_.bind(1, expiry_cursor_).bind(2, end).bind(3, now_unix_ms);
  TRY(expire_.run());
  expiry_cursor_ = end;
  return {};
}

Status Tables::put_blob(const BlobKey& key, ByteView sealed) {
  put_blob_.bind(1, key.view()).bind(2, sealed);
  TRY(put_blob_.run());
  return {};
}

Result<Packet> Tables::get_blob(const BlobKey& key) {
  get_blob_.bind(1, key.view());
  const auto row = get_blob_.step();
  Packet sealed = row && *row ? Packet::copy_of(get_blob_.bytes(0)) : Packet();
  get_blob_.reset();
  if (!row) return row.error();
  if (!*row) return Error{ErrorCode::kNotFound, "controller.store.blob"};
  return sealed;
}

Status Tables::delete_blob(const BlobKey& key) {
  delete_blob_.bind(1, key.view());
  TRY(delete_blob_.run());
  return {};
}

}  // namespace clemmys::controller
