// node_fixture.h: a node with real sockets and processes, a gateway played by the test, a KMS that echoes,
// and fake_instance.cc.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/codec.h"
#include "invoker/node.h"
#include "wire/frame.h"
#include "wire/kms_api.h"

namespace clemmys::invoker {

using wire::ControllerFrame;
using wire::PlatformErrorCode;

// EchoKms answers every frame with kAnswer and the same body, on any number of connections.
class EchoKms {
 public:
  explicit EchoKms(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~EchoKms() {
    ::shutdown(listener_, SHUT_RDWR);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
    thread_.join();
    for (std::thread& server : servers_) server.join();
    ::close(listener_);
  }

 private:
  void serve() {
    for (;;) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      connections_.push_back(connection);
      servers_.emplace_back([connection] {
        for (;;) {
          const auto frame = wire::read_frame(connection);
          if (!frame ||
              !wire::write_frame(connection, std::to_underlying(wire::KmsFrame::kAnswer), frame->body))
            break;
        }
        ::close(connection);
      });
    }
  }
  int listener_;
  std::vector<int> connections_;
  std::vector<std::thread> servers_;
  std::thread thread_;
};

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    char name[] = "/tmp/clemmys-node-XXXXXX";
    directory_ = ::mkdtemp(name);
    options.controller_socket = directory_ + "/controller";
    options.kms_socket = directory_ + "/kms";
    options.state_directory = directory_ + "/state";
    options.host.prewarmed = 0;
    options.host.binary = CLEMMYS_BINARY_DIR "/tests/fake_instance";
  }
  ~NodeTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto opened = Node::open(options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    node_ = std::move(*opened);
    thread_ = std::thread([this] { node_->run(); });
    gateway = *wire::connect_unix(options.controller_socket);
  }
  void stop() {
    if (!node_) return;
    node_->stop();
    thread_.join();
    node_.reset();
    ::close(gateway);
  }

  void send(ControllerFrame type, std::uint64_t number, ByteView body) {
    Writer writer;
    writer.u64(number);
    writer.raw(body);
    ASSERT_TRUE(wire::write_frame(gateway, std::to_underlying(type), writer.bytes()));
  }
  struct Answer {
    ControllerFrame type{};
    std::uint64_t number = 0;
    Bytes body;
  };
  Answer receive() {
    const auto frame = wire::read_frame(gateway);
    if (!frame) return {};
    Reader reader(frame->body);
    const std::uint64_t number = reader.u64();
    return {static_cast<ControllerFrame>(frame->type), number, to_bytes(reader.rest())};
  }

  // deploy stores an image that makes instances behave so; its name is its measurement here.
  static Measurement image(std::string_view behaviour) {
    Measurement value;
    std::copy(behaviour.begin(), behaviour.end(), value.bytes.begin());
    return value;
  }
  void deploy(std::string_view behaviour) {
    Writer body;
    body.fixed(image(behaviour));
    body.raw(as_bytes(behaviour));
    send(ControllerFrame::kPutImage, 1, body.bytes());
    ASSERT_EQ(receive().type, ControllerFrame::kOk);
  }
  Bytes envelope(std::string_view behaviour, std::uint16_t steps = 1, std::size_t size = 256,
                 std::uint32_t timeout_ms = 10'000) {
    wire::Header header;
    header.steps = steps;
    header.activation.bytes[0] = 1;
    header.activation.bytes[15] = next_activation_++;
    header.chain.bytes[0] = 1;
    header.receiver.bytes[0] = 1;
    header.image = image(behaviour);
    header.memory_mib = 128;
    header.timeout_ms = timeout_ms;
    header.deadline_unix_ms = SystemClock().unix_ms() + 60'000;
    header.payload_size = size;
    Bytes bytes;
    wire::encode_header(header, bytes);
    for (std::size_t i = 0; i < size + 16; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7 >> 3));
    return bytes;
  }
  // with_chain makes an envelope that no present instance may serve.
  static Bytes with_chain(ByteView envelope, std::uint8_t chain) {
    wire::Header header = *wire::decode_header(envelope);
    header.chain.bytes[0] = chain;
    Bytes bytes;
    wire::encode_header(header, bytes);
    bytes.insert(bytes.end(), envelope.begin() + wire::kHeaderSize, envelope.end());
    return bytes;
  }
  void send_run(std::uint64_t number, ByteView envelope) {
    Writer body;
    body.fixed(NamespaceId());
    body.raw(envelope);
    send(ControllerFrame::kRun, number, body.bytes());
  }
  Answer run(ByteView bytes) {
    send_run(42, bytes);
    return receive();
  }
  wire::PlatformError failure(std::string_view behaviour, std::uint32_t timeout_ms = 10'000) {
    deploy(behaviour);
    const Answer answer = run(envelope(behaviour, 1, 256, timeout_ms));
    EXPECT_EQ(answer.type, ControllerFrame::kFailed);
    const auto error = wire::decode_platform_error(answer.body);
    EXPECT_TRUE(error);
    return error ? *error : wire::PlatformError{};
  }
  boost::json::object status() {
    send(ControllerFrame::kStatus, 2, {});
    return boost::json::parse(as_text(receive().body)).as_object();
  }

  NodeOptions options;
  int gateway = -1;

 private:
  std::string directory_;
  std::unique_ptr<Node> node_;
  std::thread thread_;
  std::uint8_t next_activation_ = 0;
};

}  // namespace clemmys::invoker
