#include "gateway/testing/fake_controller_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <thread>

#include "wire/frame.h"

namespace clemmys::gateway::testing {

struct FakeControllerServer::Impl {
  const View& view;
  FakeHandler handler;
  int listener = -1;
  std::mutex mutex;
  FakeController store;
  std::vector<int> peers;
  std::vector<std::thread> threads;
  std::thread acceptor;

  static void reply(int peer, wire::ControllerFrame type, std::uint64_t number, ByteView body) {
    Writer writer;
    writer.u64(number);
    writer.raw(body);
    (void)wire::write_frame(peer, static_cast<std::uint8_t>(type), writer.bytes());
  }

  void serve(int peer) {
    while (auto frame = wire::read_frame(peer)) {
      Reader reader(frame->body);
      const std::uint64_t number = reader.u64();
      const auto type = static_cast<wire::ControllerFrame>(frame->type);
      if (type == wire::ControllerFrame::kRun) reader.fixed<NamespaceId>();
      const ByteView body = reader.rest();
      if (type == wire::ControllerFrame::kRun) {
        const auto chain = view.snapshot()->chain(wire::decode_header(body).value().chain);
        const FakeAnswers answers = FakeFunctions::from_chain(*chain).answer(body, handler);
        for (const Bytes& event : answers.events) reply(peer, wire::ControllerFrame::kEvent, number, event);
        reply(peer, wire::ControllerFrame::kDone, number, answers.done);
        continue;
      }
      const std::lock_guard lock(mutex);
      auto answer = finish(store.call(type, to_bytes(body)));
      const bool records =
          type == wire::ControllerFrame::kGetRecord || type == wire::ControllerFrame::kListRecords;
      if (answer) {
        reply(peer, records ? wire::ControllerFrame::kRecords : wire::ControllerFrame::kOk, number, *answer);
      } else {
        reply(peer, wire::ControllerFrame::kError, number,
              Bytes{static_cast<std::uint8_t>(answer.error().code)});
      }
    }
  }
};

FakeControllerServer::FakeControllerServer(std::string socket_path, const View& view, FakeHandler handler)
    : impl_(new Impl{.view = view, .handler = std::move(handler)}) {
  impl_->listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(socket_path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  CHECK(::bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(impl_->listener, 16) == 0);
  impl_->acceptor = std::thread([impl = impl_.get()] {
    for (int peer; (peer = ::accept(impl->listener, nullptr, nullptr)) >= 0;) {
      const std::lock_guard lock(impl->mutex);
      impl->peers.push_back(peer);
      impl->threads.emplace_back([impl, peer] { impl->serve(peer); });
    }
  });
}

FakeControllerServer::~FakeControllerServer() {
  ::shutdown(impl_->listener, SHUT_RDWR);
  impl_->acceptor.join();
  ::close(impl_->listener);
  for (int peer : impl_->peers) ::shutdown(peer, SHUT_RDWR);
  for (std::thread& thread : impl_->threads) thread.join();
  for (int peer : impl_->peers) ::close(peer);
}

}  // namespace clemmys::gateway::testing
