#include "attest/quoting/frame_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "attest/quote_protocol.h"
#include "base/codec.h"

namespace clemmys::attest {
namespace {

// Frames serves an echo of each request with its first byte doubled in front.
class Frames : public ::testing::Test {
 protected:
  Frames() {
    std::string pattern = ::testing::TempDir() + "/clemmys-frames-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = (folder_ / "socket").string();
    server_ = std::thread([this] {
      const auto echo = [](ByteView request) {
        Bytes answer{request[0]};
        answer.insert(answer.end(), request.begin(), request.end());
        return answer;
      };
      EXPECT_TRUE(serve_frames(path_, echo, stop_).has_value());
    });
  }
  ~Frames() override {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_, &one, sizeof one), 8);
    server_.join();
    ::close(stop_);
    std::filesystem::remove_all(folder_);
  }
  int connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (descriptor >= 0 &&
           ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return descriptor;
  }
  static void send_all(int descriptor, ByteView bytes) {
    ASSERT_EQ(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  static Bytes receive(int descriptor, std::size_t size) {
    Bytes bytes(size);
    const ssize_t got = ::recv(descriptor, bytes.data(), size, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  std::filesystem::path folder_;
  std::string path_;
  int stop_ = ::eventfd(0, EFD_CLOEXEC);
  std::thread server_;
};

TEST_F(Frames, AnswersRequestsInOrderHoweverTheyAreCut) {
  const int socket = connect();
  const Bytes two = {1, 0, 0, 0, 7, 2, 0, 0, 0, 8, 9};
  for (const std::uint8_t byte : two) send_all(socket, Bytes{byte});
  EXPECT_EQ(receive(socket, 13), (Bytes{2, 0, 0, 0, 7, 7, 3, 0, 0, 0, 8, 8, 9}));
  send_all(socket, two);
  EXPECT_EQ(receive(socket, 13).size(), 13u);
  ::close(socket);
}

TEST_F(Frames, ClosesConnectionsThatBreakTheFraming) {
  for (const Bytes& bad : {Bytes{0, 0, 0, 0}, Bytes{0xff, 0xff, 0xff, 0xff}}) {
    const int socket = connect();
    send_all(socket, bad);
    EXPECT_TRUE(receive(socket, 1).empty());
    ::close(socket);
  }
}

TEST_F(Frames, OneSilentClientDoesNotHoldUpAnother) {
  const int silent = connect(), half = connect(), active = connect();
  send_all(half, Bytes{9, 0, 0, 0, 1});
  send_all(active, Bytes{1, 0, 0, 0, 5});
  EXPECT_EQ(receive(active, 6), (Bytes{2, 0, 0, 0, 5, 5}));
  for (const int socket : {silent, half, active}) ::close(socket);
}

TEST_F(Frames, AnswersTheLargestFrame) {
  const int socket = connect();
  Writer writer;
  writer.blob(Bytes(kQuoteFrameSizeMax, 3));
  send_all(socket, writer.bytes());
  EXPECT_EQ(receive(socket, 4 + kQuoteFrameSizeMax + 1).size(), 4 + kQuoteFrameSizeMax + 1);
  ::close(socket);
}

}  // namespace
}  // namespace clemmys::attest
