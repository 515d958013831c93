#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "controller/sqlite_store.h"
#include "controller/tables.h"

namespace clemmys::controller {
namespace {

using wire::RecordState;
using wire::StoredRecord;

constexpr std::uint64_t kNow = 1'800'000'000'000;

// Waiter runs completions on the test's thread, as the controller's loop does.
class Waiter {
 public:
  Post post() {
    return [this](std::move_only_function<void()> function) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(function));
      changed_.notify_one();
    };
  }
  template <typename T>
  Result<T> wait(std::move_only_function<void(Store::Then<T>)> operation) {
    std::optional<Result<T>> answer;
    operation([&](Result<T> result) { answer.emplace(std::move(result)); });
    while (!answer) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !posted_.empty(); });
      auto functions = std::exchange(posted_, {});
      lock.unlock();
      for (auto& function : functions) function();
    }
    return std::move(*answer);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::move_only_function<void()>> posted_;
};

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/clemmys-store-XXXXXX";
    options.directory = ::mkdtemp(name);
    reopen();
  }
  ~StoreTest() override {
    store.reset();
    std::filesystem::remove_all(options.directory);
  }
  void reopen() {
    store.reset();
    store = *open_sqlite_store(options, clock, waiter.post());
  }

  Status put(StoredRecord record) {
    return waiter.wait<void>(
        [&](Store::Then<void> then) { store->put_record(std::move(record), std::move(then)); });
  }
  std::vector<StoredRecord> get(std::uint8_t owner, std::uint8_t activation) {
    return *waiter.wait<std::vector<StoredRecord>>([&](auto then) {
      const StoredRecord key = record(owner, activation);
      store->get_record(key.namespace_id, key.activation, std::move(then));
    });
  }
  std::vector<StoredRecord> list(wire::ListRecords query) {
    return *waiter.wait<std::vector<StoredRecord>>(
        [&](auto then) { store->list_records(query, std::move(then)); });
  }
  static StoredRecord record(std::uint8_t owner, std::uint8_t activation,
                             RecordState state = RecordState::kFinished) {
    StoredRecord value;
    value.namespace_id.bytes[0] = owner;
    value.activation.bytes[0] = activation;
    value.start_unix_ms = kNow + activation;
    value.expires_unix_ms = kNow + 100'000;
    value.state = state;
    value.sealed = Bytes(100, activation);
    return value;
  }

  SqliteStoreOptions options;
  FakeClock clock{kNow};
  Waiter waiter;
  std::unique_ptr<Store> store;
};

TEST_F(StoreTest, GivesBackWhatWasPut) {
  ASSERT_TRUE(put(record(1, 1)));
  const auto found = get(1, 1);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].sealed, Bytes(100, 1));
  EXPECT_EQ(found[0].start_unix_ms, kNow + 1);
  EXPECT_EQ(found[0].state, RecordState::kFinished);
  EXPECT_TRUE(get(2, 1).empty());
  EXPECT_TRUE(get(1, 2).empty());
}

TEST_F(StoreTest, FinishedRecordReplacesPendingButNeverTheOtherWay) {
  ASSERT_TRUE(put(record(1, 1, RecordState::kPending)));
  ASSERT_TRUE(put(record(1, 1, RecordState::kFinished)));
  const Status back = put(record(1, 1, RecordState::kPending));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kConflict);
  EXPECT_EQ(get(1, 1)[0].state, RecordState::kFinished);
}

TEST_F(StoreTest, ReadTakesWaitingRecordsWithIt) {
  bool acknowledged = false;
  store->put_record(record(1, 1), [&](Result<void> put) { acknowledged = put.has_value(); });
  const auto found = get(1, 1);
  EXPECT_EQ(found.size(), 1u);
  EXPECT_TRUE(acknowledged);
}

TEST_F(StoreTest, ListsNewestFirstWithinTimesAndPages) {
  for (std::uint8_t i = 1; i <= 9; ++i) ASSERT_TRUE(put(record(1, i)));
  ASSERT_TRUE(put(record(2, 50)));
  ASSERT_TRUE(put(record(1, 60, RecordState::kPending)));
  wire::ListRecords query;
  query.namespace_id = record(1, 0).namespace_id;
  query.since_unix_ms = kNow + 2;
  query.upto_unix_ms = kNow + 8;
  query.skip = 1;
  query.limit = 3;
  const auto found = list(query);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].activation.bytes[0], 7);
  EXPECT_EQ(found[2].activation.bytes[0], 5);
  const auto count =
      waiter.wait<std::uint64_t>([&](auto then) { store->count_records(query, std::move(then)); });
  EXPECT_EQ(*count, 7u);
}

TEST_F(StoreTest, ListIsBounded) {
  for (std::uint8_t i = 0; i < 250; ++i) store->put_record(record(1, i), [](Status) {});
  wire::ListRecords query;
  query.namespace_id = record(1, 0).namespace_id;
  query.limit = 1'000'000;
  EXPECT_EQ(list(query).size(), Store::kListMax);
}

TEST_F(StoreTest, ExpiredRecordDoesNotExist) {
  ASSERT_TRUE(put(record(1, 1)));
  clock.advance_ms(100'000);
  EXPECT_TRUE(get(1, 1).empty());
}

TEST_F(StoreTest, RecordsSurviveReopening) {
  ASSERT_TRUE(put(record(1, 1)));
  reopen();
  EXPECT_EQ(get(1, 1).size(), 1u);
}

TEST_F(StoreTest, BlobsAndImagesAreKeptByKey) {
  const BlobKey key{{1, 2, 3}};
  const Measurement measurement{{4, 5, 6}};
  const auto put_blob = [&](std::string_view text) {
    return waiter.wait<void>(
        [&](auto then) { store->put_blob(key, Packet::copy_of(as_bytes(text)), std::move(then)); });
  };
  const auto get_blob = [&] {
    return waiter.wait<Packet>([&](auto then) { store->get_blob(key, std::move(then)); });
  };
  ASSERT_TRUE(put_blob("first"));
  ASSERT_TRUE(put_blob("second"));
  ASSERT_TRUE(waiter.wait<void>([&](auto then) {
    store->put_image(measurement, Packet::copy_of(as_bytes("image")), std::move(then));
  }));
  reopen();
  EXPECT_EQ(as_text(get_blob()->view()), "second");
  ASSERT_TRUE(waiter.wait<void>([&](auto then) { store->delete_blob(key, std::move(then)); }));
  EXPECT_EQ(get_blob().error().code, ErrorCode::kNotFound);
  const auto image = waiter.wait<Packet>([&](auto then) { store->get_image(measurement, std::move(then)); });
  EXPECT_EQ(as_text(image->view()), "image");
  const auto absent =
      waiter.wait<Packet>([&](auto then) { store->get_image(Measurement{}, std::move(then)); });
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, FullQueueAnswersExhausted) {
  options.waiting_bytes_max = 50;
  reopen();
  const Status refused = put(record(1, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kExhausted);
}

// A child writes and reports each acknowledgement through a pipe until it is killed; every acknowledged
// record must be there.
TEST_F(StoreTest, RecordsAreDurableWhenAcknowledgedAndStoreSurvivesKill) {
  store.reset();
  int acknowledged[2];
  ASSERT_EQ(::pipe(acknowledged), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Waiter own;
    auto mine = *open_sqlite_store(options, clock, own.post());
    for (std::uint8_t i = 0;; ++i) {
      const Status done = own.wait<void>([&](auto then) { mine->put_record(record(1, i), std::move(then)); });
      if (!done || ::write(acknowledged[1], &i, 1) != 1) ::_exit(1);
    }
  }
  ::close(acknowledged[1]);
  std::vector<std::uint8_t> numbers(100);
  for (std::uint8_t& number : numbers) ASSERT_EQ(::read(acknowledged[0], &number, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  std::uint8_t late;
  while (::read(acknowledged[0], &late, 1) == 1) numbers.push_back(late);
  ::close(acknowledged[0]);
  reopen();
  for (const std::uint8_t number : numbers) EXPECT_EQ(get(1, number).size(), 1u);
}

TEST_F(StoreTest, ExpiryWalksTheTableWithoutTouchingLiveRecords) {
  auto database = Database::open(options.directory + "/tables.sqlite");
  ASSERT_TRUE(database);
  ASSERT_TRUE(Tables::create(*database));
  Tables tables(*database);
  for (std::uint8_t i = 0; i < 100; ++i) {
    StoredRecord each = record(1, i);
    each.expires_unix_ms = kNow + (i % 2 == 0 ? 10 : 1'000);
    ASSERT_TRUE(tables.put(each));
  }
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(tables.expire(kNow + 10, 10));
  wire::ListRecords query;
  query.namespace_id = record(1, 0).namespace_id;
  EXPECT_EQ(*tables.count(query, 0), 50u);
}

}  // namespace
}  // namespace clemmys::controller
