#include "controller/sqlite_store.h"

#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "controller/tables.h"

namespace clemmys::controller {
namespace {

using namespace std::chrono_literals;

constexpr auto kExpiryInterval = 10s;
constexpr std::uint64_t kExpirySlice = 4096;
// After a commit of n records the store waits n times this for more, at most kCommitWindow: syncing then
// costs a few percent.
constexpr auto kWaitPerRecord = 50us;
constexpr std::size_t kRecordsWithoutWait = 4;
// A finished record that nobody waits for is committed with what comes in this time.
constexpr auto kPatience = 5ms;

// Done runs on the loop. Work runs on the store's thread inside a transaction and says what to run once that
// is durable, or, when the commit failed, with its error.
using Done = std::move_only_function<void(const Status& committed)>;
using Work = std::move_only_function<Done(Tables& tables)>;

enum class Urgency : std::uint8_t { kPatient, kAtOnce };

struct Job {
  Work work;
  std::size_t size = 0;
};

// outcome joins what an operation gave with whether its transaction committed.
template <typename T>
Done outcome(Store::Then<T> then, Result<T> result) {
  return [then = std::move(then), result = std::move(result)](const Status& committed) mutable {
    if (!committed) result = Result<T>(committed.error());
    then(std::move(result));
  };
}

class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteStoreOptions& options, const Clock& clock, Post post, Database database,
              ImageDirectory images)
      : options_(options),
        clock_(clock),
        post_(std::move(post)),
        images_(std::move(images)),
        database_(std::move(database)) {
    thread_ = std::thread([this] { run(); });
  }

  ~SqliteStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void put_record(wire::StoredRecord record, Then<void> then) override {
    const std::size_t size = record.sealed.size();
    // Clients wait for the record that makes an id resolve, a pending one.
    const Urgency urgency =
        record.state == wire::RecordState::kFinished ? Urgency::kPatient : Urgency::kAtOnce;
    submit<void>(
        size, std::move(then), [record = std::move(record)](Tables& tables) { return tables.put(record); },
        urgency);
  }
  void get_record(NamespaceId owner, ActivationId activation,
                  Then<std::vector<wire::StoredRecord>> then) override {
    submit<std::vector<wire::StoredRecord>>(0, std::move(then), [this, owner, activation](Tables& tables) {
      return tables.get(owner, activation, clock_.unix_ms());
    });
  }
  void list_records(wire::ListRecords query, Then<std::vector<wire::StoredRecord>> then) override {
    submit<std::vector<wire::StoredRecord>>(
        0, std::move(then), [this, query](Tables& tables) { return tables.list(query, clock_.unix_ms()); });
  }
  void count_records(wire::ListRecords query, Then<std::uint64_t> then) override {
    submit<std::uint64_t>(0, std::move(then),
                          [this, query](Tables& tables) { return tables.count(query, clock_.unix_ms()); });
  }
  void put_image(Measurement measurement, Packet file, Then<void> then) override {
    const std::size_t size = file.size();
    submit<void>(size, std::move(then), [this, measurement, file = std::move(file)](Tables&) {
      return images_.put(measurement, file.view());
    });
  }
  void get_image(Measurement measurement, Then<Packet> then) override {
    submit<Packet>(0, std::move(then), [this, measurement](Tables&) { return images_.get(measurement); });
  }
  void put_blob(BlobKey key, Packet sealed, Then<void> then) override {
    const std::size_t size = sealed.size();
    submit<void>(size, std::move(then), [key, sealed = std::move(sealed)](Tables& tables) {
      return tables.put_blob(key, sealed.view());
    });
  }
  void get_blob(BlobKey key, Then<Packet> then) override {
    submit<Packet>(0, std::move(then), [key](Tables& tables) { return tables.get_blob(key); });
  }
  void delete_blob(BlobKey key, Then<void> then) override {
    submit<void>(0, std::move(then), [key](Tables& tables) { return tables.delete_blob(key); });
  }

 private:
  template <typename T, typename Operation>
  void submit(std::size_t size, Then<T> then, Operation operation, Urgency urgency = Urgency::kAtOnce) {
    bool wake = false, full = false;
    {
      const std::lock_guard lock(mutex_);
      full = waiting_.size() >= options_.waiting_max || waiting_size_ + size > options_.waiting_bytes_max;
      if (!full) {
        const bool first = waiting_.empty(), hurries = urgency == Urgency::kAtOnce && !urgent_;
        if (first) patient_until_ = std::chrono::steady_clock::now() + kPatience;
        urgent_ |= hurries;
        waiting_.push_back(
            {[then = std::move(then), operation = std::move(operation)](Tables& tables) mutable {
               return outcome<T>(std::move(then), operation(tables));
             },
             size});
        waiting_size_ += size;
        wake = idle_ && (first || hurries);
      }
    }
    if (wake) wake_.notify_one();
    if (!full) return;
    post_(  // NOLINTNEXTLINE(bugprone-use-after-move): only a job that was not taken is still here
        [then = std::move(then)]() mutable { then(Error{ErrorCode::kExhausted, "controller.store.full"}); });
  }

  // run is the store's thread.
  void run() {
    std::optional<Tables> tables(std::in_place, database_);
    auto expiry = std::chrono::steady_clock::now() + kExpiryInterval;
    std::size_t last_size = 0;
    for (;;) {
      if (last_size > kRecordsWithoutWait) wait_for_more(last_size);
      std::vector<Job> jobs = take(expiry);
      if (jobs.empty() && stopped()) return;
      last_size = jobs.size();
      if (!jobs.empty()) commit(*tables, std::move(jobs));
      if (std::chrono::steady_clock::now() >= expiry) {
        if (const Status expired = tables->expire(clock_.unix_ms(), kExpirySlice); !expired)
          log_warning(to_string(expired.error()));
        expiry = std::chrono::steady_clock::now() + kExpiryInterval;
      }
    }
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  void wait_for_more(std::size_t last_size) {
    std::unique_lock lock(mutex_);
    const auto window = std::min<std::chrono::microseconds>(kWaitPerRecord * last_size, kCommitWindow);
    wake_.wait_for(lock, window, [this] { return stopping_; });
  }

  std::vector<Job> take(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    idle_ = true;
    wake_.wait_until(lock, until, [this] { return stopping_ || !waiting_.empty(); });
    if (!waiting_.empty()) wake_.wait_until(lock, patient_until_, [this] { return stopping_ || urgent_; });
    idle_ = urgent_ = false;
    waiting_size_ = 0;
    return std::exchange(waiting_, {});
  }

  void commit(Tables& tables, std::vector<Job> jobs) {
    std::vector<Done> done;
    done.reserve(jobs.size());
    Status committed = database_.execute("BEGIN IMMEDIATE");
    for (Job& job : jobs) done.push_back(job.work(tables));
    if (committed) committed = database_.execute("COMMIT");
    if (!committed) {
      log_error(to_string(committed.error()));
      (void)database_.execute("ROLLBACK");
    }
    post_([done = std::move(done), committed = std::move(committed)]() mutable {
      for (Done& each : done) each(committed);
    });
  }

  const SqliteStoreOptions options_;
  const Clock& clock_;
  const Post post_;
  const ImageDirectory images_;
  Database database_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;  // guarded by mutex_, as all below
  std::size_t waiting_size_ = 0;
  std::chrono::steady_clock::time_point patient_until_;
  bool idle_ = false, urgent_ = false, stopping_ = false;
  std::thread thread_;
};

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{ErrorCode::kInternal, "controller.store.directory", path};
}

}  // namespace

Result<ImageDirectory> image_directory_of(const SqliteStoreOptions& options) {
  TRY(make_directory(options.directory));
  return ImageDirectory::open(options.directory + "/images");
}

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options, const Clock& clock,
                                                 Post post) {
  ImageDirectory images = TRY(image_directory_of(options));
  Database database = TRY(Database::open(options.directory + "/store.sqlite"));
  TRY(Tables::create(database));
  return std::make_unique<SqliteStore>(options, clock, std::move(post), std::move(database),
                                       std::move(images));
}

}  // namespace clemmys::controller
