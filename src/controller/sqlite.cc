#include "controller/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace clemmys::controller {
namespace {

Error failed(sqlite3* database, std::string_view site) {
  const bool full = (sqlite3_errcode(database) & 0xff) == SQLITE_FULL;
  return Error{full ? ErrorCode::kExhausted : ErrorCode::kInternal, site, sqlite3_errmsg(database)};
}

}  // namespace

Statement::Statement(sqlite3* database, const char* sql) : database_(database) {
  const int prepared = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  CHECK(prepared == SQLITE_OK);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int position, std::uint64_t value) {
  const auto clamped = std::min<std::uint64_t>(value, std::numeric_limits<sqlite3_int64>::max());
  CHECK(sqlite3_bind_int64(statement_, position, static_cast<sqlite3_int64>(clamped)) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int position, ByteView value) {
  // A null pointer would be NULL, not an empty blob.
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  CHECK(sqlite3_bind_blob64(statement_, position, data, value.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int stepped = sqlite3_step(statement_);
  if (stepped == SQLITE_ROW) return true;
  if (stepped == SQLITE_DONE) return false;
  return failed(database_, "controller.store.step");
}

Result<int> Statement::run() {
  const auto stepped = step();
  reset();
  if (!stepped) return stepped.error();
  return sqlite3_changes(database_);
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::uint64_t Statement::integer(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

ByteView Statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (opened != SQLITE_OK) return Error{ErrorCode::kInternal, "controller.store.open", path};
  TRY(
      database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA locking_mode=EXCLUSIVE; "
                       "PRAGMA cache_size=-16384;"));
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return failed(handle_, "controller.store.execute");
  return {};
}

}  // namespace clemmys::controller
