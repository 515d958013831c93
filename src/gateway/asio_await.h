// asio_await.h: waits of Task coroutines for Asio operations. Inner header of gateway/: .cc files only. The
// completion handler resumes the coroutine from the event loop; the awaiter lives in the coroutine's frame,
// so nothing is allocated for it.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <coroutine>
#include <cstddef>

namespace clemmys::gateway {

struct IoResult {
  boost::system::error_code error;
  std::size_t size = 0;
};

// IoAwait(start): `start` gets a handler (error[, size]) and begins the operation.
template <typename Start>
class IoAwait {
 public:
  explicit IoAwait(Start start) : start_(std::move(start)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    start_([this, waiter](boost::system::error_code error, std::size_t size = 0) {
      result_ = {error, size};
      waiter.resume();
    });
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  Start start_;
  IoResult result_;
};

}  // namespace clemmys::gateway
