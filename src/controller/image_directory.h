// image_directory.h: images as files named by their measurement, so that whoever starts an instance can map
// them without asking anybody. A file appears whole or not at all. That a file really has the measurement of
// its name is checked where it is loaded (EINIT) and by the KMS, not here.
#pragma once

#include <string>

#include "controller/packet.h"

namespace clemmys::controller {

class ImageDirectory {
 public:
  // open makes the directory (mode 0700) where it is missing.
  static Result<ImageDirectory> open(std::string path);
  std::string path_of(const Measurement& measurement) const;
  bool has(const Measurement& measurement) const;
  // put is durable when it returns; it replaces a file of the same name.
  Status put(const Measurement& measurement, ByteView file) const;
  Result<Packet> get(const Measurement& measurement) const;

 private:
  explicit ImageDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace clemmys::controller
