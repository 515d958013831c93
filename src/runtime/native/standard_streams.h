// standard_streams.h: what a function prints stays inside. In an instance, stdout and stderr are replaced by
// streams that end in the call's log, before C++ sets std::cout and std::cerr up on them; no system call and
// no descriptor is involved. What comes before a sink is set is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace clemmys::runtime {

enum class Stream : std::uint8_t { kOut, kErr };
using StreamSink = std::function<void(Stream, std::string_view piece)>;  // pieces need not be whole lines

// set_stream_sink hands what is printed from now on to `sink`; an empty one drops it. In an instance it also
// closes descriptors 1 and 2, so that write(2) reaches nobody either. Elsewhere it does nothing.
void set_stream_sink(StreamSink sink);
// flush_streams hands on what stdio still holds.
void flush_streams();

}  // namespace clemmys::runtime
