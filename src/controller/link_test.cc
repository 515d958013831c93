#include "controller/link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

namespace clemmys::controller {
namespace {

// A process that is killed has said things that its peer has not read yet, while the peer writes to it.
TEST(LinkFrames, OfAPeerThatIsGoneAreReadEvenWhenItCannotBeWrittenTo) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  constexpr std::uint8_t kFrames[] = {2, 0, 0, 0, 7, 'a', 2, 0, 0, 0, 7, 'b'};
  ASSERT_EQ(::write(ends[1], kFrames, sizeof kFrames), static_cast<ssize_t>(sizeof kFrames));
  ::close(ends[1]);

  Loop loop;
  std::string heard;
  LinkHandlers handlers;
  handlers.frame = [&](std::uint8_t, Packet body) { heard += as_text(body.view()); };
  handlers.closed = [&](std::string_view) { heard += " closed"; };
  Link link(loop, ends[0], 1024, std::move(handlers));
  link.send(1, {}, Packet(100));
  loop.run();
  EXPECT_EQ(heard, "ab closed");
}

}  // namespace
}  // namespace clemmys::controller
