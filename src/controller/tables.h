// tables.h: the tables of the embedded store. One thread; the caller makes the transactions.
#pragma once

#include <vector>

#include "controller/packet.h"
#include "controller/sqlite.h"
#include "controller/store.h"

namespace clemmys::controller {

class Tables {
 public:
  // create makes missing tables; call before constructing.
  static Status create(Database& database);
  explicit Tables(Database& database);

  Status put(const wire::StoredRecord& record);
  Result<std::vector<wire::StoredRecord>> get(const NamespaceId& owner, const ActivationId& activation,
                                              std::uint64_t now_unix_ms);
  Result<std::vector<wire::StoredRecord>> list(const wire::ListRecords& query, std::uint64_t now_unix_ms);
  Result<std::uint64_t> count(const wire::ListRecords& query, std::uint64_t now_unix_ms);
  // expire deletes the expired ones of the next `rows` records, walking round the table; an index on expiry
  // would cost every insert.
  Status expire(std::uint64_t now_unix_ms, std::uint64_t rows);

  Status put_blob(const BlobKey& key, ByteView sealed);
  Result<Packet> get_blob(const BlobKey& key);
  Status delete_blob(const BlobKey& key);

 private:
  Result<std::vector<wire::StoredRecord>> read_rows(Statement& query);

  Statement put_, get_, list_, count_, expire_, slice_end_, put_blob_, get_blob_, delete_blob_;
  std::uint64_t expiry_cursor_ = 0;
};

}  // namespace clemmys::controller
