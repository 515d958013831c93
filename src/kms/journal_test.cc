// journal_test.cc: what a crash may leave behind is taken up; what a host does to the files is refused.
#include "kms/journal.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "crypto/crypto.h"
#include "kms/testing/fake_sealer.h"
#include "kms/testing/test_kms.h"

namespace clemmys::kms {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() : anchor_(insecure_file_anchor(folder_.path())), root_(crypto::random_key()) {
    set_log_level(LogLevel::kError);
  }

  // open replays into seen_, as "sequence:who".
  Result<std::unique_ptr<Journal>> open() {
    seen_.clear();
    return Journal::open(folder_.path(), root_, *anchor_, [this](const JournalRecord& record) -> Status {
      for (const JournalEntry& entry : record.entries) {
        seen_.push_back(std::to_string(record.sequence) + ":" + entry.who + ":" +
                        std::string(as_text(entry.operation)));
      }
      return {};
    });
  }
  void write(int count) {
    auto journal = open();
    ASSERT_TRUE(journal) << to_string(journal.error());
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE((*journal)->append(1000 + i, {{"who", to_bytes("op" + std::to_string(seen_.size() + i))}}));
    }
  }
  std::string site() {
    const auto journal = open();
    return journal ? "opened" : std::string(journal.error().site);
  }
  std::string path(const char* name) const { return folder_.path() + "/" + name; }
  Bytes read(const char* name) const { return **read_file(path(name), 1u << 30); }
  void put(const char* name, ByteView content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Anchor> anchor_;
  Key root_;
  std::vector<std::string> seen_;
};

using JournalOpens = JournalTest;
using JournalRefuses = JournalTest;

TEST_F(JournalOpens, AndReplaysEverythingInOrder) {
  write(2);
  write(1);
  EXPECT_EQ(site(), "opened");
  EXPECT_EQ(seen_, (std::vector<std::string>{"1:who:op0", "2:who:op1", "3:who:op2"}));
}

TEST_F(JournalOpens, WithSeveralChangesInOneRecord) {
  ASSERT_TRUE((*open())->append(1, {{"a", to_bytes("x")}, {"b", to_bytes("y")}}));
  EXPECT_EQ(site(), "opened");
  EXPECT_EQ(seen_, (std::vector<std::string>{"1:a:x", "1:b:y"}));
}

TEST_F(JournalOpens, AfterACrashAtEveryByteOfTheLastRecord) {
  write(2);
  const Bytes before = read("journal");
  const Bytes anchor = read("anchor");
  write(1);
  const Bytes after = read("journal");
  for (std::size_t size = before.size() + 1; size < after.size(); ++size) {
    put("journal", ByteView(after).first(size));
    put("anchor", anchor);
    ASSERT_EQ(site(), "opened") << size;
    ASSERT_EQ(seen_.size(), 2u);
    ASSERT_EQ(std::filesystem::file_size(path("journal")), before.size());
  }
  write(1);  // and goes on where it was
  EXPECT_EQ(site(), "opened");
  EXPECT_EQ(seen_.size(), 3u);
}

TEST_F(JournalOpens, AfterACrashBetweenAppendAndAnchor) {
  write(2);
  const Bytes anchor = read("anchor");
  write(1);
  const Bytes moved = read("anchor");
  put("anchor", anchor);
  EXPECT_EQ(site(), "opened");
  EXPECT_EQ(seen_.size(), 3u);
  EXPECT_EQ(read("anchor"), moved);  // taken up: the next start may be one further
}

TEST_F(JournalOpens, WhenBlocksOfAnUnansweredRecordAreZero) {
  write(2);
  const Bytes anchor = read("anchor");
  const std::size_t good = read("journal").size();
  write(1);
  Bytes torn = read("journal");
  std::fill(torn.begin() + static_cast<std::ptrdiff_t>(good), torn.end(), std::uint8_t{0});
  put("journal", torn);
  put("anchor", anchor);
  EXPECT_EQ(site(), "opened");
  EXPECT_EQ(seen_.size(), 2u);
}

TEST_F(JournalRefuses, ARolledBackJournal) {
  write(1);
  const Bytes old = read("journal");
  write(2);
  put("journal", old);
  EXPECT_EQ(site(), "kms.journal.anchor");
  const auto refused = open();
  EXPECT_NE(refused.error().detail.find("found record number 1"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("restore the newest journal"), std::string::npos);
}

TEST_F(JournalRefuses, AnEmptyOrMissingJournal) {
  write(2);
  put("journal", {});
  EXPECT_EQ(site(), "kms.journal.anchor");
  std::filesystem::remove(path("journal"));
  EXPECT_EQ(site(), "kms.journal.anchor");
}

TEST_F(JournalRefuses, AFork) {
  write(1);
  const Bytes journal = read("journal"), anchor = read("anchor");
  write(2);
  const Bytes right = read("anchor");
  put("journal", journal);
  put("anchor", anchor);
  write(2);  // the other branch
  put("anchor", right);
  EXPECT_EQ(site(), "kms.journal.anchor");
}

TEST_F(JournalRefuses, ChangedBytesInTheMiddle) {
  write(3);
  const Bytes good = read("journal");
  for (const std::size_t position :
       {std::size_t{0}, std::size_t{3}, std::size_t{10}, std::size_t{60}, good.size() / 2, good.size() - 1}) {
    Bytes bad = good;
    bad[position] ^= 1;
    put("journal", bad);
    EXPECT_EQ(site(), "kms.journal.damaged") << position;
  }
  put("journal", good);
  EXPECT_EQ(site(), "opened");
}

TEST_F(JournalRefuses, RecordsInAnotherOrder) {
  write(1);
  const std::size_t first = read("journal").size();
  write(2);
  Bytes journal = read("journal");
  const std::size_t one = (journal.size() - first) / 2;
  const auto begin = journal.begin() + static_cast<std::ptrdiff_t>(first);
  std::rotate(begin, begin + static_cast<std::ptrdiff_t>(one), journal.end());
  put("journal", journal);
  EXPECT_EQ(site(), "kms.journal.order");
}

TEST_F(JournalRefuses, AMissingAnchorOfALongJournal) {
  write(2);
  std::filesystem::remove(path("anchor"));
  EXPECT_EQ(site(), "kms.journal.anchor");
  put("anchor", as_bytes("nonsense"));
  EXPECT_EQ(site(), "kms.anchor.file");
}

TEST_F(JournalRefuses, AnotherRootSecret) {
  write(2);
  root_ = crypto::random_key();
  EXPECT_EQ(site(), "kms.journal.damaged");
}

TEST_F(JournalRefuses, ToAppendAfterACloneDid) {
  auto first = *open();
  auto second = *open();
  ASSERT_TRUE(second->append(1, {{"second", {}}}));
  EXPECT_EQ(first->append(1, {{"first", {}}}).error().site, "kms.journal.not_head");
  EXPECT_EQ(first->confirm().error().code, ErrorCode::kConflict);
  EXPECT_EQ(site(), "opened");  // what the clone wrote is still there
  EXPECT_EQ(seen_.back(), "1:second:");
}

TEST_F(JournalTest, HidesWhatItHolds) {
  ASSERT_TRUE((*open())->append(1, {{"who", to_bytes("a secret that must not show")}}));
  EXPECT_EQ(as_text(read("journal")).find("secret"), std::string_view::npos);
}

TEST_F(JournalTest, HidesHowLongAChangeIs) {
  const auto size_after = [this](std::size_t size) {
    const auto journal = open();
    const std::size_t before = std::filesystem::file_size(path("journal"));
    EXPECT_TRUE((*journal)->append(1, {{"who", Bytes(size, 'x')}}));
    return std::filesystem::file_size(path("journal")) - before;
  };
  EXPECT_EQ(size_after(1), size_after(100));
  EXPECT_EQ(size_after(2000), size_after(2010));
  EXPECT_LT(size_after(100), size_after(2000));
  EXPECT_EQ(site(), "opened");
}

TEST(RootSecret, IsTheSameAfterARestartAndOnNoOtherMachine) {
  testing::TemporaryFolder folder;
  testing::FakeSealer here(1), elsewhere(2);
  const auto made = load_or_make_root_secret(folder.path(), here);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->fresh);
  const auto again = load_or_make_root_secret(folder.path(), here);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->key == made->key);
  EXPECT_FALSE(again->fresh);
  EXPECT_EQ(load_or_make_root_secret(folder.path(), elsewhere).error().code, ErrorCode::kDenied);
}

TEST(RootSecret, IsNotMadeAgainBesideAJournal) {
  testing::TemporaryFolder folder;
  testing::FakeSealer sealer;
  std::ofstream(folder.path() + "/journal") << "x";
  EXPECT_EQ(load_or_make_root_secret(folder.path(), sealer).error().site, "kms.root_secret.missing");
}

}  // namespace
}  // namespace clemmys::kms
