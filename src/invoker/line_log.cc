#include "invoker/line_log.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/log.h"

namespace clemmys::invoker {
namespace {

constexpr std::size_t kLineSizeMax = 500;
constexpr std::size_t kLinesMax = 2'000;

}  // namespace

struct LineLog::State : std::enable_shared_from_this<LineLog::State> {
  State(controller::Loop& loop, int descriptor, std::string prefix_)
      : input(loop, descriptor), prefix(std::move(prefix_)) {
    input.non_blocking(true);
  }

  boost::asio::posix::stream_descriptor input;
  const std::string prefix;
  std::array<char, 4096> buffer;
  std::string line;
  std::size_t lines = 0;

  void read() {
    input.async_read_some(boost::asio::buffer(buffer),
                          [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                            if (error || !self->input.is_open()) return;
                            self->take({self->buffer.data(), size});
                            self->read();
                          });
  }

  void take(std::string_view text) {
    for (const char letter : text) {
      if (letter == '\n') {
        end_line();
      } else if (line.size() < kLineSizeMax) {
        line.push_back(letter >= ' ' && letter < 127 ? letter : '?');
      }
    }
  }

  void end_line() {
    if (line.empty()) return;
    if (lines < kLinesMax) log_info(prefix + line);
    if (lines == kLinesMax) log_warning(prefix + "prints too much: the rest is dropped");
    ++lines;
    line.clear();
  }

  void finish() {
    boost::system::error_code error;
    for (std::size_t taken = 0; !error && lines <= kLinesMax && taken < 16; ++taken) {
      std::array<char, 4096> rest;
      take({rest.data(), input.read_some(boost::asio::buffer(rest), error)});
    }
    end_line();
    input.close(error);
  }
};

LineLog::LineLog(controller::Loop& loop, int descriptor, std::string prefix)
    : state_(std::make_shared<State>(loop, descriptor, std::move(prefix))) {
  state_->read();
}

LineLog::~LineLog() {
  boost::system::error_code ignored;
  state_->input.close(ignored);
}

void LineLog::finish() { state_->finish(); }

}  // namespace clemmys::invoker
