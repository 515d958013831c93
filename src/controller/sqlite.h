// sqlite.h: the little of SQLite's C API that the store needs, with ownership and Result. One thread.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace clemmys::controller {

// Statement is a prepared statement: bind by 1-based position, then step until it says no row. Bound bytes
// must live until reset().
class Statement {
 public:
  Statement(sqlite3* database, const char* sql);  // CHECKs: the text is ours
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int position,
                  std::uint64_t value);  // stored as the signed integer of the same bits, at most 2^63 - 1
  Statement& bind(int position, ByteView value);
  // step is true when there is a row.
  Result<bool> step();
  // run steps through a statement without rows, resets it, and gives the number of changed rows.
  Result<int> run();
  void reset();
  std::uint64_t integer(int column) const;
  ByteView bytes(int column) const;  // valid until the next step

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Database is an open connection in WAL mode whose commits are synchronous.
class Database {
 public:
  static Result<Database> open(const std::string& path);
  Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Database& operator=(Database&&) = delete;
  ~Database();
  Status execute(const char* sql);
  sqlite3* handle() const { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

}  // namespace clemmys::controller
