// recording.h: everything that a platform's processes gave to or took from the operating system, recorded by
// strace: files, every byte on Unix sockets, instance links and TCP, standard streams, command lines. An
// enclave can leave nothing with its host except through its host process, so this is what a host that only
// watches gets to see, besides its own memory.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace clemmys::testing {

// tracer is the command that runs a program with all its descendants and records into `directory`, one file
// per thread.
std::vector<std::string> tracer(const std::string& directory);

// EndOfRecording tells when tracer and traced processes have all ended, and the recording is whole: they
// inherit the writing end of a pipe.
class EndOfRecording {
 public:
  EndOfRecording();
  ~EndOfRecording();
  EndOfRecording(const EndOfRecording&) = delete;
  EndOfRecording& operator=(const EndOfRecording&) = delete;
  // wait closes this process's own end first; call when the command has been told to end.
  void wait();

 private:
  int ends_[2] = {-1, -1};
};

// decode_trace gives the bytes of all buffers in one thread's file, in order.
Bytes decode_trace(const std::string& path);

// read_file gives a file's bytes, empty where it cannot be read.
Bytes read_file(const std::string& path);

}  // namespace clemmys::testing
