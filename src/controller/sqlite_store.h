// sqlite_store.h: the store of one machine: SQLite (WAL, synchronous commits) for records and blobs, a
// directory for images. Threads: one thread of its own does all the work and commits in groups: whatever is
// waiting goes into one transaction, and after a large one it waits a little (below kCommitWindow) for more,
// so that a busy store syncs hundreds of times per second, not thousands, and an idle one answers at once. A
// finished record, for which no client waits, waits half of that for company even in an idle store; whatever
// else comes takes it along, so that nobody reads a store without it.
// Completions of a commit are posted to the loop together: one wake-up.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "controller/image_directory.h"
#include "controller/store.h"

namespace clemmys::controller {

struct SqliteStoreOptions {
  std::string directory;  // made where missing; holds store.sqlite and images/
  // Both bound what waits for the store's thread.
  std::size_t waiting_max = 65'536;
  std::size_t waiting_bytes_max = 256u << 20;
};
inline constexpr std::chrono::milliseconds kCommitWindow{10};

// Post hands a function to the thread on which completions are to run.
using Post = std::function<void(std::move_only_function<void()>)>;

// open_sqlite_store: `clock` and what `post` refers to must outlive the store.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options, const Clock& clock,
                                                 Post post);
// image_directory_of is where such a store keeps images.
Result<ImageDirectory> image_directory_of(const SqliteStoreOptions& options);

}  // namespace clemmys::controller
