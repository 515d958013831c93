// SQLite on files of the host: `write MODE FILE` commits numbered transactions for ever and says each number
// once it is durable; `check FILE` opens the database again and tells what is in it; `use FILE` is ordinary
// use.
#include <sqlite3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

sqlite3* open_database(const std::string& file) {
  sqlite3* database = nullptr;
  if (sqlite3_open(file.c_str(), &database) != SQLITE_OK) {
    std::printf("open: %s\n", sqlite3_errmsg(database));
    std::exit(1);
  }
  return database;
}

std::string ask(sqlite3* database, const std::string& sql) {
  std::string answer;
  char* error = nullptr;
  sqlite3_exec(
      database, sql.c_str(),
      [](void* to, int count, char** values, char**) {
        auto& text = *static_cast<std::string*>(to);
        for (int i = 0; i < count; ++i)
          text += (values[i] != nullptr ? values[i] : "null") + std::string(i + 1 < count ? "|" : "\n");
        return 0;
      },
      &answer, &error);
  if (error != nullptr) answer += std::string("error: ") + error + "\n";
  sqlite3_free(error);
  return answer;
}

int write_for_ever(const std::string& mode, const std::string& file) {
  sqlite3* database = open_database(file);
  // A write-ahead log needs memory shared through a file, unless one process has the database to itself.
  if (mode == "wal") ask(database, "pragma locking_mode=exclusive");
  ask(database, "pragma journal_mode=" + mode + "; pragma synchronous=full; pragma cache_size=20");
  std::fputs(
      ask(database, "create table if not exists t(n integer, i integer, b blob, primary key(n, i))").c_str(),
      stdout);
  long number = std::atol(ask(database, "select coalesce(max(n), 0) from t").c_str());
  for (;;) {
    ++number;
    const std::string error = ask(database,
                                  "begin; with recursive c(i) as (select 0 union all select i+1 from c where "
                                  "i<99) insert into t select " +
                                      std::to_string(number) + ", i, zeroblob(200) || hex(i*" +
                                      std::to_string(number) + ") from c; commit");
    std::printf(error.empty() ? "%ld\n" : "%ld failed\n", number);
    std::fflush(stdout);
  }
}

int check(const std::string& file) {
  sqlite3* database = open_database(file);
  ask(database, "pragma locking_mode=exclusive");
  std::fputs(ask(database, "pragma integrity_check").c_str(), stdout);
  // Whole transactions only, without a gap, and every row as it was written.
  std::fputs(
      ask(database, "select count(*) from (select n, count(*) c from t group by n) where c != 100").c_str(),
      stdout);
  std::fputs(ask(database, "select count(*) from t where b != zeroblob(200) || hex(i*n)").c_str(), stdout);
  std::fputs(ask(database, "select max(n) - count(distinct n) from t").c_str(), stdout);
  std::fputs(ask(database, "select coalesce(max(n), 0) from t").c_str(), stdout);
  sqlite3_close(database);
  return 0;
}

int use(const std::string& file) {
  for (const char* mode : {"delete", "truncate", "persist", "memory", "wal"}) {
    sqlite3* database = open_database(file + mode);
    if (mode == std::string_view("wal")) ask(database, "pragma locking_mode=exclusive");
    std::printf("%s", ask(database, std::string("pragma journal_mode=") + mode).c_str());
    ask(database, "create table t(a integer primary key, b text, c real); create index i on t(b)");
    for (int round = 0; round < 5; ++round) {
      ask(database, "begin");
      for (int i = 0; i < 200; ++i)
        ask(database, "insert into t(b, c) values('text " + std::to_string(i * 7 % 101) + "', " +
                          std::to_string(i) + ".5)");
      ask(database, round == 2 ? "rollback" : "commit");
    }
    ask(database, "delete from t where a % 3 = 0; update t set b = upper(b) where a % 5 = 0; vacuum");
    std::printf("%s",
                ask(database,
                    "select count(*), sum(c), min(b), max(b), total_changes() from t; pragma integrity_check")
                    .c_str());
    sqlite3* second = open_database(file + mode);
    std::printf("second: %s", ask(second, "select count(*) from t").c_str());
    sqlite3_close(second);
    sqlite3_close(database);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "write") return write_for_ever(argv[2], argv[3]);
  return command == "check" ? check(argv[2]) : use(argv[2]);
}
