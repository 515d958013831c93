// checksum.cc: the smallest function on bytes: any body → its CRC-32 and size as 12 bytes, little-endian.
#include <clemmys/function.h>
#include <zlib.h>

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    if (request.content_type != clemmys::ContentType::kOctets) {
      return clemmys::fail("checksum takes bytes: send them with Content-Type: application/octet-stream");
    }
    const std::uint64_t size = request.body.size();
    const std::uint64_t crc = crc32_z(0, request.body.data(), size);
    std::vector<std::uint8_t> answer;
    for (int i = 0; i < 4; ++i) answer.push_back(static_cast<std::uint8_t>(crc >> (8 * i)));
    for (int i = 0; i < 8; ++i) answer.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    clemmys::log("checked " + std::to_string(size) + " bytes");
    return clemmys::Response::bytes(std::move(answer));
  });
}
